//! Whether a kernel still holds the IPv6 route cache against `max_size`, judged by version.
//!
//! The check went away with "ipv6: remove max_size check inline with ipv4" (af6d10345ca7,
//! 6.3), which went into five stable lines at once. The same change made 2147483647 the
//! default of `max_size`, so that a fresh network namespace shows by behaviour what no
//! version number of a vendor's kernel can.

use crate::kernel::vendors;
use crate::text::Untrusted;

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

/// First line in which routes are no dsts themselves (`struct fib6_info`).
const ROUTES_APART: (u32, u32) = (4, 18);

/// What a kernel counts as entries of the route cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Copies of routes on each CPU, and exceptions.
    Copies,
    /// Exceptions alone, not copies (net/ipv6/route.c: `ip6_rt_pcpu_alloc`, `DST_NOCOUNT`).
    Exceptions,
    /// Routes of router advertisements, which are dsts, with their copies, and exceptions; on
    /// lines before 4.2 entries for single destinations (net/ipv6/route.c, 4.14:
    /// `ip6_route_info_create`).
    Advertised,
    /// The version cannot tell.
    Unknown,
}

/// The batch of those kernels, in entries.
pub(crate) const FIXED_BATCH: i64 = 32;

/// How to see what the kernel does: the default tells.
pub(crate) const ASK_THE_KERNEL: &str = "unshare -n cat /proc/sys/net/ipv6/route/max_size";

/// What a kernel says of its version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Release {
    /// What `uname -r` prints.
    pub(crate) release: Untrusted,
    /// `/proc/version`, where it can be read.
    pub(crate) version: Untrusted,
    /// `/proc/version_signature`, which Ubuntu's kernels have.
    pub(crate) signature: Untrusted,
    /// `net.ipv6.route.max_size` that a new network namespace starts with, where it was asked.
    pub(crate) new_max_size: Option<i64>,
}

/// What the version says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// What `uname -r` prints.
    pub(crate) release: Untrusted,
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
    if let Some((_, rest)) = release.version.raw().rsplit_once(" Debian ") {
        return version(rest).filter(|v| v.2.is_some());
    }
    let last = release
        .signature
        .raw()
        .split_ascii_whitespace()
        .next_back()?;
    version(last).filter(|v| v.2.is_some())
}

/// Judges a kernel.
#[must_use]
pub(crate) fn judge(release: &Release) -> Kernel {
    let own = version(release.release.raw());
    let vendor = vendor_level(release).filter(|v| own.is_some_and(|o| (o.0, o.1) == (v.0, v.1)));
    let version = vendor.or(own);
    let (checks, reason) = match version {
        None => (None, "the release is no version number".to_owned()),
        Some(version) => judge_version(version, release, vendor.is_some()),
    };
    let kernel = Kernel {
        release: release.release.clone(),
        version,
        checks,
        reason,
    };
    kernel.asked(release.new_max_size)
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
    if let Some((checks, source)) = vendors::told(line, release.release.raw()) {
        let verb = if checks { "checks" } else { "does not check" };
        return (
            Some(checks),
            format!("this vendor's kernel {verb} max_size, by {source}"),
        );
    }
    let vendors = "vendors backport that change, so ask the kernel where it matters";
    // 6.1.0-18-amd64, 4.18.0-553.el8: the third number is no stable level, and the rest is
    // the vendor's own count.
    let is_vendor = release.release.raw().contains('-');
    let hidden = !level_from_vendor && is_vendor && level.unwrap_or(0) == 0;
    if hidden {
        return (
            None,
            format!("the release hides the stable level, and {vendors}"),
        );
    }
    let removed = WITHOUT_CHECK.iter().find(|r| (r.0, r.1) == line);
    let has_change = removed.is_some_and(|r| level.unwrap_or(0) >= r.2);
    if !has_change && vendors::may_be_ahead((major, minor, level), release.release.raw()) {
        return (
            None,
            format!("this vendor stays on one level, or takes fixes ahead of it; {vendors}"),
        );
    }
    match removed {
        Some((.., first)) if has_change => (
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

/// `max_size` of a new network namespace where the limit is no longer checked: the change that
/// took the check out made it this (af6d10345ca7).
const UNLIMITED: i64 = i32::MAX as i64;

impl Kernel {
    /// The same, where it is known which `max_size` a new network namespace starts with: that
    /// tells more than any number of a version.
    fn asked(self, new_max_size: Option<i64>) -> Kernel {
        let Some(size) = new_max_size else {
            return self;
        };
        let checks = size != UNLIMITED;
        let therefore = if checks {
            "it is checked"
        } else {
            "it is no longer checked"
        };
        Kernel {
            checks: Some(checks),
            reason: format!("a new network namespace starts with max_size {size}: {therefore}"),
            ..self
        }
    }

    /// The same, where its own log says that it refused entries: that message and the check went
    /// together.
    #[must_use]
    pub(crate) fn refused(self) -> Kernel {
        Kernel {
            checks: Some(true),
            reason: "its log says that it refused entries".to_owned(),
            ..self
        }
    }

    /// `percpu_counter` batch of dst entries, in entries, for a number of CPUs.
    ///
    /// The change that took the check out came with the smaller one in stable lines. An unknown
    /// version, or a vendor's that may have it, gets the older kernels' batch, which is never smaller.
    #[must_use]
    pub(crate) fn batch(&self, cpus: u32) -> i64 {
        let is_fixed = self.version.is_some_and(|(major, minor, level)| {
            let fixed = |first: &(u32, u32, u32)| {
                (first.0, first.1) == (major, minor) && level.unwrap_or(0) >= first.2
            };
            (major, minor) >= SMALL_BATCH || WITHOUT_CHECK.iter().any(fixed)
        });
        match is_fixed {
            true => FIXED_BATCH,
            false => crate::kernel::limits::batch(cpus),
        }
    }

    /// What counts as an entry.
    #[must_use]
    pub(crate) fn counts(&self) -> Counted {
        match self.version.map(|(major, minor, _)| (major, minor)) {
            Some(line) if line >= SMALL_BATCH => Counted::Exceptions,
            Some(line) if line < ROUTES_APART => Counted::Advertised,
            Some(line) if line < (5, 8) => Counted::Copies,
            _ => Counted::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(release: &str, version: &str, signature: &str) -> Option<bool> {
        judge(&Release {
            release: release.into(),
            version: version.into(),
            signature: signature.into(),
            new_max_size: None,
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
        assert_eq!(checks("4.18.0-477.el8_8.x86_64", "", ""), None);
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

    /// Releases as hosts print them, or as their package is named where an advisory is the source,
    /// each below where it was seen. What is asserted of a fix is what the advisory in
    /// `kernel/vendors.rs`, or the stable level, says.
    #[rustfmt::skip]
    const SEEN: &[(&str, &str, Option<bool>)] = &[
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("3.10.0-1127.el7.x86_64", "", None),
        // github.com/microsoft/vscode-docker/pull/3279
        ("3.10.0-957.el7.x86_64", "", None),
        // support.huaweicloud.com/intl/zh-cn/my-kualalumpur-1-usermanual-cce/cce_10_0476.html
        ("3.10.0-1160.108.1.el7.x86_64", "", None),
        // github.com/todaygood/openstack-solution/issues/21
        ("3.10.0-514.36.5.el7.x86_64", "", None),
        // github.com/deepflowio/deepflow/pull/4211
        ("4.19.113-300.el7.x86_64", "", Some(true)),
        // github.com/todaygood/openstack-solution/issues/21
        ("4.15.14-1.el7.elrepo.x86_64", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("4.18.0-240.1.1.el8_3.x86_64", "", None),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("4.18.0-305.el8.x86_64", "", None),
        // docs-cortex.paloaltonetworks.com/r/Cortex-XDR/Linux-Kernel-Versions/AlmaLinux-9-x86_64
        ("5.14.0-70.13.1.el9_0.x86_64", "", None),
        // docs-cortex.paloaltonetworks.com/r/Cortex-XDR/Linux-Kernel-Versions/AlmaLinux-9-x86_64
        ("5.14.0-284.11.1.el9_2.x86_64", "", None),
        // docs-cortex.paloaltonetworks.com/r/Cortex-XDR/Linux-Kernel-Versions/AlmaLinux-9-x86_64
        ("5.14.0-362.24.1.el9_3.x86_64", "", None),
        // docs-cortex.paloaltonetworks.com/r/Cortex-XDR/Linux-Kernel-Versions/Rocky-Linux-9-x86_64
        ("5.14.0-362.18.1.el9_3.0.1.x86_64", "", None),
        // docs.oracle.com/en/operating-systems/uek/7/relnotes7.3/7.3-feature-ol9-64k-page.html
        ("5.15.0-306.177.4.1.el9uek.aarch64.64k", "", Some(false)),
        // gitee.com/src-openeuler/kernel/issues/ICN7UH
        ("6.6.0-89.0.0.94.oe2403sp1.aarch64", "", Some(false)),
        // github.com/tailscale/tailscale/issues/10253
        ("4.19.91-26.an8.x86_64", "", None),
        // alibabacloud.com/help/doc-detail/177687.htm
        ("4.19.91-18.al7.x86_64", "", None),
        // alibabacloud.com/help/en/alinux/support/differences-between-alibaba-cloud-linux-3-and-centos-7
        ("5.10.134-16.1.al8.x86_64", "", None),
        // github.com/TimeBye/kubeadm-ha/issues/118
        ("4.19.90-24.4.v2101.ky10.x86_64", "", None),
        // github.com/cisagov/ansible-role-upgrade/pull/11
        ("4.19.0-10-cloud-amd64", "#1 SMP Debian 4.19.132-1 (2020-07-24)", Some(true)),
        // github.com/cisagov/ansible-role-upgrade/pull/11
        ("4.19.0-9-cloud-amd64", "#1 SMP Debian 4.19.118-2+deb10u1 (2020-06-07)", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("4.19.0-16-cloud-amd64", "", None),
        // github.com/falcosecurity/falco/issues/2374
        ("5.10.0-20-amd64", "", None),
        // github.com/libuv/libuv/pull/4131
        ("5.15.0-79-generic", "", Some(true)),
        // docs-cortex.paloaltonetworks.com/r/Cortex-XDR/Linux-Kernel-Versions/Ubuntu-22-aarch64
        ("5.15.0-102-generic", "", Some(false)),
        // support.huaweicloud.com/intl/zh-cn/my-kualalumpur-1-usermanual-cce/cce_10_0476.html
        ("5.15.0-126-generic", "", Some(false)),
        // github.com/Azure/AKS/blob/master/vhd-notes/aks-ubuntu/AKSUbuntu-2204/202404.16.0.txt
        ("5.15.0-1060-azure", "", Some(false)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.4.0-1060-aws", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("4.15.0-163-generic", "", None),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.4.0-88-generic", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("4.12.14-122.54-default", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.3.18-59.24-default", "", None),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("4.14.252-195.483.amzn2.x86_64", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.10.75-79.358.amzn2.x86_64", "", None),
        // docs.amazonaws.cn/AL2/latest/relnotes/relnotes-20250605.html
        ("5.10.237-230.949.amzn2.x86_64", "", Some(false)),
        // github.com/aquasecurity/btfhub-archive
        ("4.14.146-93.123.amzn1.x86_64", "", None),
        // github.com/aquasecurity/btfhub-archive
        ("4.14.186-146.268.amzn2.aarch64", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.10.90+", "", None),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.4.144+", "", None),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.10.84-flatcar", "", Some(true)),
        // github.com/siderolabs/talos/pull/395
        ("4.19.10-talos", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("4.14.138-rancher", "", Some(true)),
        // github.com/falcosecurity/kernel-crawler/pull/79
        ("5.10.135", "", Some(true)),
        // github.com/bottlerocket-os/bottlerocket/pull/2968
        ("5.15.102", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.10.61-1.ph4", "", None),
        // github.com/cilium/cilium/issues/26471
        ("5.15.107.1-2.cm2", "", Some(true)),
        // github.com/Azure/AgentBaker/pull/3649
        ("5.15.126.1-1.cm2", "", Some(true)),
        // huaweicloud.com/guide/productsdesc-bms_7b0835afcfbef1e22d5fd3d151089c76support3
        ("4.18.0-147.5.1.6.h1152.eulerosv2r9.x86_64", "", None),
        // support.huaweicloud.com/intl/en-us/eu-west-0-usermanual-cce/cce_bulletin_0003.html
        ("4.18.0-147.5.1.6.h541.eulerosv2r9.x86_64", "", None),
        // support.huaweicloud.com/eu/api-cce/node-os.html
        ("4.19.90-vhulk2103.1.0.h1144.eulerosv2r9.aarch64", "", None),
        // support.huaweicloud.com/intl/en-us/eu-west-0-usermanual-cce/cce_bulletin_0003.html
        ("3.10.0-862.14.1.0.h197.eulerosv2r7.x86_64", "", None),
        // support.huaweicloud.com/eu/bulletin-cce/cce_bulletin_0004.html
        ("5.10.0-182.0.0.95.r2673_211.hce2.x86_64", "", None),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.15.6-200.fc35.x86_64", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs
        ("6.7.7-200.fc39.aarch64", "", Some(false)),
        // github.com/archlinuxcn/repo/issues/1056
        ("4.19.24-1-lts", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.10.17-v7l+", "", None),
        // github.com/SickChill/sickchill/issues/7672
        ("4.4.59+", "", None),
        // github.com/ayufan/pve-backup-server-dockerfiles/issues/23
        ("4.4.302+", "", None),
        // github.com/telnetdoogie/synology-docker/issues/56
        ("3.10.105", "", Some(true)),
        // github.com/openwrt/openwrt/pull/4548
        ("5.10.64", "", Some(true)),
        // github.com/openwrt/openwrt/pull/11255
        ("5.15.79", "", Some(true)),
        // github.com/nyrahul/linux-kernel-configs/blob/main/README.md
        ("5.15.5-76051505-generic", "", Some(true)),
        // access.redhat.com/errata/RHSA-2024:3138
        ("4.18.0-553.el8_10.x86_64", "", Some(false)),
        // alas.aws.amazon.com/AL2/ALAS-2024-2391.html
        ("4.14.334-252.552.amzn2.x86_64", "", Some(false)),
        // alas.aws.amazon.com/AL2/ALASKERNEL-5.4-2024-057.html
        ("5.4.265-176.364.amzn2.x86_64", "", Some(false)),
        // github.com/vmware/photon/wiki/Security-Update-3.0-740
        ("4.19.307-2.ph3", "", Some(false)),
        // docs.oracle.com/en/operating-systems/oracle-linux/7/relnotes7.9/ol7-kernels.html
        ("5.4.17-2011.6.2.el7uek", "", None),
        // github.com/miraclelinux/meta-emlinux/pull/190
        ("4.19.261-cip83", "", Some(true)),
    ];

    #[test]
    fn releases_that_were_seen() {
        for (release, version, expected) in SEEN {
            assert_eq!(checks(release, version, ""), *expected, "{release}");
        }
    }

    #[test]
    fn vendors_first_kernels_without_the_check() {
        for (before, first) in [
            (("4.18.0-552.el8.x86_64", None), "4.18.0-553.el8_10.x86_64"),
            (("5.4.0-175-generic", Some(true)), "5.4.0-176-generic"),
            (("5.15.0-101-generic", Some(true)), "5.15.0-102-generic"),
            (("5.4.0-1126-azure", Some(true)), "5.4.0-1127-azure"),
            (("5.15.0-1059-azure", Some(true)), "5.15.0-1060-azure"),
            (("5.4.0-1121-aws", Some(true)), "5.4.0-1122-aws"),
            (("5.15.0-1056-aws", Some(true)), "5.15.0-1057-aws"),
            (
                ("4.12.14-122.200-default", Some(true)),
                "4.12.14-122.201-default",
            ),
            (
                ("5.3.18-150200.24.182-default", Some(true)),
                "5.3.18-150200.24.183-default",
            ),
            (
                ("5.3.18-150300.59.152-default", Some(true)),
                "5.3.18-150300.59.153-default",
            ),
            (
                ("5.14.21-150400.24.110-default", Some(true)),
                "5.14.21-150400.24.111-default",
            ),
            (
                ("5.14.21-150500.55.51-default", Some(true)),
                "5.14.21-150500.55.52-default",
            ),
            (
                ("4.14.333-1.1.amzn2.x86_64", Some(true)),
                "4.14.334-252.552.amzn2.x86_64",
            ),
            (
                ("5.4.265-176.363.amzn2.x86_64", Some(true)),
                "5.4.265-176.364.amzn2.x86_64",
            ),
            (
                ("5.15.145-95.155.amzn2.x86_64", Some(true)),
                "5.15.145-95.156.amzn2.x86_64",
            ),
            (
                ("5.15.0-300.163.17.el8uek.x86_64", None),
                "5.15.0-300.163.18.el8uek.x86_64",
            ),
        ] {
            assert_eq!(checks(before.0, "", ""), before.1, "{}", before.0);
            assert_eq!(checks(first, "", ""), Some(false), "{first}");
        }
        // Of another service pack, or another line, nothing is said.
        assert_eq!(checks("5.3.18-150400.99.1-default", "", ""), None);
        assert_eq!(checks("4.15.0-999-generic", "", ""), None);
    }

    #[test]
    fn levels_on_which_vendors_stay_tell_nothing() {
        for (release, expected) in [
            ("4.19.90-2407.1.0.0287.oe1.x86_64", None),
            ("4.19.90-2102.2.0.0062.el7.x86_64", None),
            ("4.19.90", Some(true)),
            ("5.4.241-1-tlinux4-0017.7", None),
            ("5.4.119-20.0009.29", None),
            ("4.14.105-19-0024", None),
            ("5.4.120-1", Some(true)),
            ("5.15.74-1-pve", None),
            ("5.15.158-2-pve", Some(false)),
            ("4.19.0+1", None),
        ] {
            assert_eq!(checks(release, "", ""), expected, "{release}");
        }
    }

    #[test]
    fn what_a_new_namespace_has_goes_before_the_version() {
        let asked = |release: &str, size| {
            let release = Release {
                release: release.into(),
                new_max_size: Some(size),
                ..Release::default()
            };
            judge(&release).checks
        };
        assert_eq!(asked("6.12.1", 4096), Some(true));
        assert_eq!(asked("3.10.0-1160.el7.x86_64", 16384), Some(true));
        assert_eq!(asked("4.19.113", 2_147_483_647), Some(false));
        let fixed = judge(&Release {
            release: "5.4.300".into(),
            ..Release::default()
        });
        assert_eq!(fixed.checks, Some(false));
        assert_eq!(fixed.refused().checks, Some(true));
    }

    #[test]
    fn batches_by_version() {
        let kernel = |release: &str| {
            judge(&Release {
                release: release.into(),
                ..Release::default()
            })
        };
        assert_eq!(kernel("4.19.113").batch(96), 192);
        assert_eq!(kernel("5.10.1").batch(96), 32);
        assert_eq!(kernel("4.19.304").batch(96), 192);
        assert_eq!(kernel("4.19.305").batch(96), 32);
        assert_eq!(kernel("5.4.267-1.el7.elrepo.x86_64").batch(96), 32);
        assert_eq!(kernel("odd").batch(96), 192);
        for (release, counts) in [
            ("3.10.0-1160.el7.x86_64", Counted::Advertised),
            ("4.14.105-19", Counted::Advertised),
            ("4.18.0-147.5.1.el8_1.x86_64", Counted::Copies),
            ("4.19.113", Counted::Copies),
            ("5.7.19", Counted::Copies),
            ("5.8.1", Counted::Unknown),
            ("5.10.1", Counted::Exceptions),
            ("odd", Counted::Unknown),
        ] {
            assert_eq!(kernel(release).counts(), counts, "{release}");
        }
    }
}
