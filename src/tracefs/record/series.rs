//! The files of a rotated recording: `FILE.000001` and so on, of which the last ones are kept.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::capture::framing::{Framing, lines};
use crate::capture::one_line::OneLine;
use crate::order::sort_by;
use crate::os::random;
use crate::tracefs::record::packer::Packer;
use crate::tracefs::record::part_files::{Names, create_private, is_part};

/// How a recording is parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotate {
    /// When a part is full, in bytes; the line that makes it so is the last but a few.
    pub size: u64,
    /// How many files are kept, with the one that is being written.
    pub files: u64,
}

/// The parts that there are, and the one that is being written.
#[derive(Debug)]
pub(super) struct Series {
    names: Names,
    rotate: Rotate,
    /// What the parts of this recording have in common.
    id: String,
    /// The part of this recording that is being written, from 1.
    part: u64,
    /// The numbers of all files, the oldest first; the last one is being written.
    numbers: VecDeque<u64>,
    packer: Option<Packer>,
    /// There is something in them that is worth what makes room for it.
    is_used: bool,
}

impl Series {
    /// The series that goes on behind what earlier recordings left there, and its first file. Nothing
    /// is removed for it before it is [used](Series::used), and then it is the first to go.
    ///
    /// # Errors
    /// Those of the file system, and where the path is a directory.
    pub(super) fn open(path: &Path, rotate: Rotate) -> io::Result<(Series, File)> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let names = Names::of(path)?;
        let mut numbers = Vec::new();
        for (path, number, is_unfinished) in names.there()? {
            match is_unfinished {
                false => numbers.push(number),
                // A run that was killed left it.
                true if is_part(&path) => fs::remove_file(path)?,
                true => {}
            }
        }
        sort_by(&mut numbers, Ord::cmp);
        numbers.dedup();
        let [a, b, c, d, ..] = random::distinct();
        let mut series = Series {
            packer: Some(Packer::new(names.clone())),
            is_used: false,
            names,
            rotate,
            id: format!("{:08x}", u32::from_be_bytes([a, b, c, d])),
            part: 0,
            numbers: numbers.into(),
        };
        let file = series.begin()?;
        Ok((series, file))
    }

    /// When a part is full.
    #[must_use]
    pub(super) fn size(&self) -> u64 {
        self.rotate.size
    }

    /// The file that is being written.
    #[must_use]
    pub(super) fn path(&self) -> PathBuf {
        self.names
            .plain(self.numbers.back().copied().unwrap_or_default())
    }

    /// The line that it begins with.
    #[must_use]
    pub(super) fn first_line(&self) -> Vec<u8> {
        let id = OneLine::new(&self.id);
        let number = self.part;
        lines([Framing::Part { number, id }])
    }

    /// From now on the recording takes its place among the files that are kept.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn used(&mut self) -> io::Result<()> {
        self.is_used = true;
        self.make_room(self.rotate.files)
    }

    /// Removes the oldest where there are more than so many.
    fn make_room(&mut self, most: u64) -> io::Result<()> {
        let Some(packer) = &self.packer else {
            return Ok(());
        };
        while self.numbers.len() as u64 > most
            && let Some(oldest) = self.numbers.pop_front()
        {
            packer.remove(oldest)?;
        }
        Ok(())
    }

    /// Ends a file and begins the next, for which the oldest makes room.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn next(&mut self) -> io::Result<File> {
        self.used()?;
        self.make_room(self.rotate.files - 1)?;
        if let (Some(packer), Some(ended)) = (&mut self.packer, self.numbers.back()) {
            packer.pack(*ended);
        }
        self.begin()
    }

    fn begin(&mut self) -> io::Result<File> {
        let last = self.numbers.back();
        let number = last.map_or(1, |last| last.saturating_add(1));
        let file = create_private(&self.names.plain(number))?;
        self.numbers.push_back(number);
        self.part += 1;
        Ok(file)
    }

    /// Waits until the files that are over are compressed, or it `is_enough`; what could not be.
    #[must_use]
    pub(super) fn finish(mut self, is_enough: &dyn Fn() -> bool) -> Option<String> {
        self.packer.take()?.finish(is_enough)
    }
}

impl Drop for Series {
    /// A recording that never came about leaves nothing: a service that is started again and again
    /// in vain must not push out what was recorded before.
    fn drop(&mut self) {
        if !self.is_used && self.part > 0 {
            let _ = fs::remove_file(self.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const TWO: Rotate = Rotate { size: 1, files: 2 };

    fn listing(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        sort_by(&mut names, Ord::cmp);
        names
    }

    /// Writes some parts of one recording.
    fn record(path: &Path, rotate: Rotate, parts: usize) -> Series {
        let (mut series, mut file) = Series::open(path, rotate).unwrap();
        for part in 1..=parts {
            file.write_all(&series.first_line()).unwrap();
            if part < parts {
                file = series.next().unwrap();
            }
        }
        series
    }

    #[test]
    fn the_last_files_are_kept_and_all_but_one_are_compressed() {
        let dir = tempfile::tempdir().unwrap();
        let series = record(&dir.path().join("c"), TWO, 5);
        assert_eq!(
            series.first_line().split(|&b| b == b' ').nth(3),
            Some(&b"5"[..])
        );
        assert_eq!(series.finish(&|| false), None);
        assert_eq!(listing(dir.path()), ["c.000004.gz", "c.000005"]);
        for name in listing(dir.path()) {
            let path = dir.path().join(name);
            assert!(is_part(&path));
            assert_eq!(
                fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn a_later_recording_goes_on_behind_an_earlier_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        drop(record(&path, TWO, 2).finish(&|| false));
        assert!(Series::open(dir.path(), TWO).is_err());
        fs::copy(
            dir.path().join("c.000001.gz"),
            dir.path().join(".c.000009.gz"),
        )
        .unwrap();
        // One that never comes about leaves all as it is.
        drop(Series::open(&path, TWO).unwrap());
        assert_eq!(listing(dir.path()), ["c.000001.gz", "c.000002"]);
        let mut series = record(&path, TWO, 1);
        assert_eq!(listing(dir.path()).len(), 3);
        series.used().unwrap();
        assert!(series.first_line().starts_with(b"# ip6drop: part 1 of "));
        assert_eq!(listing(dir.path()), ["c.000002", "c.000003"]);
    }

    #[test]
    fn nothing_but_parts_is_ever_removed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let others = [
            "c",
            "c.1",
            "c.000001.bz2",
            "c.00000x",
            "cc.000001",
            ".c.000001",
            "c.000001.gz",
            "c.000002",
            ".c.000003.gz",
        ];
        for name in others {
            fs::write(at(name), "mine\n").unwrap();
        }
        fs::write(at("part"), "# ip6drop: part 1 of x\n").unwrap();
        symlink(at("part"), at("c.000003")).unwrap();
        fs::create_dir(at("c.000004")).unwrap();
        let before = listing(dir.path());
        drop(record(&at("c"), TWO, 4).finish(&|| false));
        let mut after = listing(dir.path());
        after.retain(|name| name != "c.000007.gz" && name != "c.000008");
        assert_eq!(after, before);
    }
}
