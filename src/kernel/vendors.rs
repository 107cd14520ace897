//! Vendors' kernels, whose release says less of CVE-2023-52340 than a stable level does: the ones
//! whose first package without the check of `max_size` is known, and the ones that stay on one
//! level and take fixes.

/// The first kernel of a vendor's that no longer checks.
struct Erratum {
    /// What the release holds.
    mark: &'static str,
    /// Line of the kernel.
    line: (u32, u32),
    /// The numbers behind the line, of the first one.
    first: &'static [u32],
    /// How many of them are those of one branch, which alone is spoken of.
    branch: usize,
    /// Earlier ones check: the vendor has no other fix of that branch.
    alone: bool,
    /// Who says so.
    source: &'static str,
}

#[rustfmt::skip]
const ERRATA: &[Erratum] = &[
    Erratum { mark: ".el8", line: (4, 18), first: &[0, 553], branch: 1, alone: false, source: "RHSA-2024:3138" },
    Erratum { mark: "-generic", line: (5, 4), first: &[0, 176], branch: 1, alone: true, source: "USN-6725-1" },
    Erratum { mark: "-generic", line: (5, 15), first: &[0, 102], branch: 1, alone: true, source: "USN-6725-1" },
    Erratum { mark: "-azure", line: (5, 4), first: &[0, 1127], branch: 1, alone: true, source: "USN-6725-1" },
    Erratum { mark: "-azure", line: (5, 15), first: &[0, 1060], branch: 1, alone: true, source: "USN-6725-1" },
    Erratum { mark: "-aws", line: (5, 4), first: &[0, 1122], branch: 1, alone: true, source: "USN-6725-1" },
    Erratum { mark: "-aws", line: (5, 15), first: &[0, 1057], branch: 1, alone: true, source: "USN-6725-1" },
    Erratum { mark: "-default", line: (4, 12), first: &[14, 122, 201], branch: 2, alone: true, source: "SUSE-SU-2024:0976-1" },
    Erratum { mark: "-default", line: (5, 3), first: &[18, 150_200, 24, 183], branch: 3, alone: true, source: "SUSE-SU-2024:0857-1" },
    Erratum { mark: "-default", line: (5, 3), first: &[18, 150_300, 59, 153], branch: 3, alone: true, source: "SUSE-SU-2024:0857-1" },
    Erratum { mark: "-default", line: (5, 14), first: &[21, 150_400, 24, 111], branch: 3, alone: true, source: "SUSE's advisory of CVE-2023-52340" },
    Erratum { mark: "-default", line: (5, 14), first: &[21, 150_500, 55, 52], branch: 3, alone: true, source: "SUSE's advisory of CVE-2023-52340" },
    Erratum { mark: ".amzn2.", line: (4, 14), first: &[334, 252, 552], branch: 0, alone: true, source: "ALAS-2024-2391" },
    Erratum { mark: ".amzn2.", line: (5, 4), first: &[265, 176, 364], branch: 0, alone: true, source: "ALASKERNEL-5.4-2024-057" },
    Erratum { mark: ".amzn2.", line: (5, 15), first: &[145, 95, 156], branch: 0, alone: true, source: "ALASKERNEL-5.15-2024-033" },
    Erratum { mark: "uek", line: (5, 15), first: &[0, 300, 163, 18], branch: 1, alone: false, source: "release notes of UEK R7U3" },
];

/// Levels on which vendors stay (openEuler, Kylin and UOS; Anolis, Alibaba and KeyarchOS; Tencent
/// and OpenCloudOS; EulerOS; Oracle).
const FROZEN: [(u32, u32, u32); 9] = [
    (4, 19, 90),
    (4, 19, 91),
    (5, 10, 134),
    (4, 14, 105),
    (5, 4, 119),
    (5, 4, 241),
    (4, 19, 36),
    (4, 14, 35),
    (5, 4, 17),
];

/// What marks kernels that take fixes ahead of the stable level: Amazon, Oracle, EulerOS, Photon,
/// Proxmox, and SUSE, whose level never moves.
const AHEAD: [&str; 7] = [
    ".amzn",
    "uek",
    ".eulerosv",
    ".ph",
    "-pve",
    "-default",
    "-azure",
];

/// The numbers behind the line: 0, 553, 8 and 1 of `4.18.0-553.8.1.el8_10.x86_64`.
fn numbers(release: &str) -> Vec<u32> {
    let words = release.split(['.', '-']).skip(2);
    words.map_while(|word| word.parse().ok()).collect()
}

/// Whether a vendor's kernel checks, and who says so; `None` where nobody does.
pub(super) fn told(line: (u32, u32), release: &str) -> Option<(bool, &'static str)> {
    let numbers = numbers(release);
    let of = |one: &&Erratum| {
        let branch = numbers.get(..one.branch);
        one.line == line && release.contains(one.mark) && branch == Some(&one.first[..one.branch])
    };
    ERRATA.iter().filter(of).find_map(|one| {
        if numbers.as_slice() >= one.first {
            Some((false, one.source))
        } else {
            one.alone.then_some((true, one.source))
        }
    })
}

/// The release tells of no fix that its vendor may have taken.
pub(super) fn may_be_ahead(version: (u32, u32, Option<u32>), release: &str) -> bool {
    let (major, minor, level) = version;
    let is_frozen = level.is_some_and(|level| FROZEN.contains(&(major, minor, level)));
    let is_built = release.contains('-');
    // `5.10.90+`, `4.19.0+1`: the tree was changed.
    let is_changed = release.contains('+');
    (is_frozen && is_built) || is_changed || AHEAD.iter().any(|mark| release.contains(mark))
}
