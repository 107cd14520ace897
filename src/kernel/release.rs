//! Whether a kernel still holds the IPv6 route cache against `max_size`, judged by version.
//!
//! The check went away with "ipv6: remove max_size check inline with ipv4" (af6d10345ca7,
//! 6.3), which went into five stable lines at once. The same change made 2147483647 the
//! default of `max_size`, so that a fresh network namespace shows by behaviour what no
//! version number of a vendor's kernel can.

/// First releases without the check, by stable line.
pub const WITHOUT_CHECK: [(u32, u32, u32); 5] = [
    (4, 19, 305),
    (5, 4, 267),
    (5, 10, 208),
    (5, 15, 147),
    (6, 1, 73),
];

/// First line that never had the check.
pub(crate) const NEVER_CHECKS: (u32, u32) = (6, 3);

/// From this line on `dst_entries_add` uses a batch of 32 whatever the CPUs
/// (`DST_PERCPU_COUNTER_BATCH`, include/net/dst_ops.h), and the copies of routes on each CPU
/// are not counted. Both came in 5.8; of the lines in use, 5.10 is the first to have them.
const SMALL_BATCH: (u32, u32) = (5, 10);

/// The batch of those kernels, in entries.
pub(crate) const FIXED_BATCH: i64 = 32;

/// How to see what the kernel does: the default tells.
pub(crate) const ASK_THE_KERNEL: &str = "unshare -n cat /proc/sys/net/ipv6/route/max_size";

/// What a kernel says of its version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Release {
    /// What `uname -r` prints.
    pub(crate) release: String,
    /// `/proc/version`, where it can be read.
    pub(crate) version: String,
    /// `/proc/version_signature`, which Ubuntu's kernels have.
    pub(crate) signature: String,
}

/// What the version says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// What `uname -r` prints.
    pub(crate) release: String,
    /// Line and stable level, where they are known.
    pub(crate) version: Option<(u32, u32, Option<u32>)>,
    /// Whether `max_size` is checked; `None` where the version cannot tell.
    pub(crate) checks: Option<bool>,
    /// Why, in a sentence.
    pub(crate) reason: String,
}

/// Line and stable level of `4.19.113-300.el7.x86_64`: `(4, 19, Some(113))`.
#[must_use]
pub(crate) fn version(text: &str) -> Option<(u32, u32, Option<u32>)> {
    let mut parts = text
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?
        .split('.');
    let line = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let level = parts.next().and_then(|level| level.parse().ok());
    Some((line.0, line.1, level))
}

/// The stable level that Debian's version line and Ubuntu's signature give, where the
/// release itself says only `6.1.0-18-amd64`.
fn vendor_level(release: &Release) -> Option<(u32, u32, Option<u32>)> {
    if let Some((_, rest)) = release.version.rsplit_once(" Debian ") {
        return version(rest).filter(|v| v.2.is_some());
    }
    let last = release.signature.split_ascii_whitespace().next_back()?;
    version(last).filter(|v| v.2.is_some())
}

/// Judges a kernel.
#[must_use]
pub(crate) fn judge(release: &Release) -> Kernel {
    let own = version(&release.release);
    let vendor = vendor_level(release).filter(|v| own.is_some_and(|o| (o.0, o.1) == (v.0, v.1)));
    let version = vendor.or(own);
    let (checks, reason) = match version {
        None => (None, "the release is no version number".to_owned()),
        Some(version) => judge_version(version, release, vendor.is_some()),
    };
    Kernel {
        release: release.release.clone(),
        version,
        checks,
        reason,
    }
}

fn judge_version(
    (major, minor, level): (u32, u32, Option<u32>),
    release: &Release,
    level_from_vendor: bool,
) -> (Option<bool>, String) {
    let line = (major, minor);
    if line >= NEVER_CHECKS {
        return (
            Some(false),
            "Linux 6.3 and later do not check max_size".to_owned(),
        );
    }
    let vendors = "vendors backport that change, so ask the kernel where it matters";
    // 6.1.0-18-amd64, 4.18.0-553.el8: the third number is no stable level, and the rest is
    // the vendor's own count.
    let is_vendor = release.release.contains('-');
    let hidden = !level_from_vendor && is_vendor && level.unwrap_or(0) == 0;
    if hidden {
        return (
            None,
            format!("the release hides the stable level, and {vendors}"),
        );
    }
    let removed = WITHOUT_CHECK.iter().find(|r| (r.0, r.1) == line);
    match removed {
        Some((.., first)) if level.unwrap_or(0) >= *first => (
            Some(false),
            format!(
                "Linux {major}.{minor} does not check max_size from {major}.{minor}.{first} on"
            ),
        ),
        Some((.., first)) => (
            Some(true),
            format!(
                "Linux {major}.{minor} checks max_size up to {major}.{minor}.{}; {vendors}",
                first - 1
            ),
        ),
        None => (
            Some(true),
            format!("Linux {major}.{minor} checks max_size in every release; {vendors}"),
        ),
    }
}

impl Kernel {
    /// `percpu_counter` batch of dst entries, in entries, for a number of CPUs.
    ///
    /// An unknown version gets the older kernels' batch, which is never smaller.
    #[must_use]
    pub(crate) fn batch(&self, cpus: u32) -> i64 {
        match self.version {
            Some((major, minor, _)) if (major, minor) >= SMALL_BATCH => FIXED_BATCH,
            _ => crate::kernel::limits::batch(cpus),
        }
    }

    /// Whether the copies of routes on each CPU count as entries; `None` where the version
    /// cannot tell.
    #[must_use]
    pub(crate) fn counts_copies(&self) -> Option<bool> {
        let (major, minor, _) = self.version?;
        match (major, minor) {
            line if line >= SMALL_BATCH => Some(false),
            line if line < (5, 8) => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(release: &str, version: &str, signature: &str) -> Option<bool> {
        judge(&Release {
            release: release.to_owned(),
            version: version.to_owned(),
            signature: signature.to_owned(),
        })
        .checks
    }

    #[test]
    fn stable_lines() {
        for (release, expected) in [
            ("4.19.113", Some(true)),
            ("4.19.304", Some(true)),
            ("4.19.305", Some(false)),
            ("5.4.266", Some(true)),
            ("5.4.267", Some(false)),
            ("5.10.207", Some(true)),
            ("5.10.208-rt1", Some(false)),
            ("5.15.146", Some(true)),
            ("5.15.147", Some(false)),
            ("6.1.72", Some(true)),
            ("6.1.73-cloud", Some(false)),
            ("6.2.16", Some(true)),
            ("6.3.0", Some(false)),
            ("6.3.0-1-vendor", Some(false)),
            ("6.18.44-fc-v657", Some(false)),
            ("4.19.113-1.el7.x86_64", Some(true)),
            ("5.17", Some(true)),
        ] {
            assert_eq!(checks(release, "", ""), expected, "{release}");
        }
    }

    #[test]
    fn vendors() {
        assert_eq!(checks("4.18.0-553.el8_10.x86_64", "", ""), None);
        assert_eq!(checks("6.1.0-18-amd64", "", ""), None);
        let debian = "Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)";
        assert_eq!(checks("6.1.0-18-amd64", debian, ""), Some(false));
        let older = debian.replace("6.1.76-1", "6.1.67-1");
        assert_eq!(checks("6.1.0-16-amd64", &older, ""), Some(true));
        let ubuntu = "Ubuntu 5.15.0-91.101-generic 5.15.131";
        assert_eq!(checks("5.15.0-91-generic", "", ubuntu), Some(true));
        // A line that speaks of another kernel is not believed.
        assert_eq!(checks("4.18.0-1.el8", debian, ""), None);
        for odd in ["", "x", "6", "unknown-6.3"] {
            assert_eq!(checks(odd, "", ""), None, "{odd}");
        }
    }

    #[test]
    fn batches_by_version() {
        let kernel = |release: &str| {
            judge(&Release {
                release: release.to_owned(),
                ..Release::default()
            })
        };
        assert_eq!(kernel("4.19.113").batch(96), 192);
        assert_eq!(kernel("5.10.1").batch(96), 32);
        assert_eq!(kernel("odd").batch(96), 192);
        assert_eq!(kernel("4.19.113").counts_copies(), Some(true));
        assert_eq!(kernel("5.10.1").counts_copies(), Some(false));
        assert_eq!(kernel("5.8.1").counts_copies(), None);
    }
}
