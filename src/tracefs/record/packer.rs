//! Compresses the files of a recording that are over, beside the recording.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::text::shown;
use crate::tracefs::record::part_files::{Names, create_private, open_regular};

/// Bytes that are compressed at once.
const PIECE: usize = 64 * 1024;
/// How often the end of the work is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// What the recording and its helper both know.
#[derive(Debug)]
struct Shared {
    names: Names,
    /// The files before this one are gone. Held while files are removed or renamed, so that none
    /// comes back.
    first: Mutex<u64>,
    /// What is not done yet stays undone.
    is_over: AtomicBool,
}

/// The helper, a thread from the first file on.
#[derive(Debug)]
pub(super) struct Packer {
    shared: Arc<Shared>,
    at_work: Option<(Sender<u64>, JoinHandle<Failures>)>,
    failures: Failures,
}

/// What could not be compressed: the first in words, and how many.
#[derive(Debug, Default)]
struct Failures {
    first: Option<String>,
    all: u64,
}

impl Failures {
    fn take(&mut self, names: &Names, number: u64, error: &io::Error) {
        let path = names.plain(number);
        self.first
            .get_or_insert_with(|| format!("{} stays uncompressed: {error}", shown(&path)));
        self.all += 1;
    }

    fn in_words(self) -> Option<String> {
        let more = match self.all {
            0 | 1 => String::new(),
            all => format!("; so do {} more", all - 1),
        };
        self.first.map(|first| first + &more)
    }
}

impl Shared {
    fn first(&self) -> MutexGuard<'_, u64> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_wanted(&self, number: u64) -> bool {
        !self.is_over.load(Ordering::SeqCst) && *self.first() <= number
    }

    fn work(&self, files: &Receiver<u64>) -> Failures {
        let mut failures = Failures::default();
        for number in files {
            if !self.is_wanted(number) {
                continue;
            }
            // One that was removed in the middle of it is no failure.
            if let Err(error) = self.pack(number)
                && *self.first() <= number
            {
                failures.take(&self.names, number, &error);
            }
        }
        failures
    }

    /// Puts the compressed file in place of the plain one. A reader finds one of them at any time,
    /// and each is whole.
    fn pack(&self, number: u64) -> io::Result<()> {
        let unfinished = self.names.unfinished(number);
        let packed = create_private(&unfinished)?;
        let compressed = self.compress(number, packed);
        match compressed.and_then(|is_whole| Ok(is_whole && self.exchange(number)?)) {
            Ok(true) => Ok(()),
            given_up => fs::remove_file(&unfinished).and(given_up.map(drop)),
        }
    }

    /// False where nobody wants it any more.
    fn compress(&self, number: u64, packed: File) -> io::Result<bool> {
        let mut text = open_regular(&self.names.plain(number))?;
        let mut packed = GzEncoder::new(packed, Compression::fast());
        let mut piece = vec![0; PIECE];
        while self.is_wanted(number) {
            match text.read(&mut piece)? {
                0 => return packed.finish()?.sync_all().map(|()| true),
                n => packed.write_all(&piece[..n])?,
            }
        }
        Ok(false)
    }

    /// False where the file was removed meanwhile.
    fn exchange(&self, number: u64) -> io::Result<bool> {
        let first = self.first();
        if *first > number {
            return Ok(false);
        }
        let packed = self.names.packed(number);
        if packed.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.names.unfinished(number), packed)?;
        fs::remove_file(self.names.plain(number)).map(|()| true)
    }
}

impl Packer {
    /// Does nothing yet.
    #[must_use]
    pub(super) fn new(names: Names) -> Packer {
        Packer {
            shared: Arc::new(Shared {
                names,
                first: Mutex::new(0),
                is_over: AtomicBool::new(false),
            }),
            at_work: None,
            failures: Failures::default(),
        }
    }

    /// Compresses a file some time soon. The helper gives way as the thread that first asks does.
    pub(super) fn pack(&mut self, number: u64) {
        let started = match self.at_work.take() {
            Some(at_work) => Ok(at_work),
            None => self.start(),
        };
        match started {
            Ok(at_work) => {
                // It ends when there is nobody who sends.
                let _ = at_work.0.send(number);
                self.at_work = Some(at_work);
            }
            Err(error) => self.failures.take(&self.shared.names, number, &error),
        }
    }

    fn start(&self) -> io::Result<(Sender<u64>, JoinHandle<Failures>)> {
        let (sender, files) = channel();
        let shared = Arc::clone(&self.shared);
        let helper = thread::Builder::new().name("compress".to_owned());
        Ok((sender, helper.spawn(move || shared.work(&files))?))
    }

    /// Removes the oldest file, compressed, not yet, or in between.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        let mut first = self.shared.first();
        *first = number.saturating_add(1);
        self.shared.names.remove(number)
    }

    /// Waits until all is compressed, or it `is_enough`; what could not be.
    #[must_use]
    pub(super) fn finish(mut self, is_enough: &dyn Fn() -> bool) -> Option<String> {
        if let Some((sender, thread)) = self.at_work.take() {
            drop(sender);
            while !thread.is_finished() {
                if is_enough() {
                    self.shared.is_over.store(true, Ordering::SeqCst);
                }
                thread::sleep(LOOK);
            }
            let failures = thread.join().unwrap_or_default();
            self.failures.all += failures.all;
            self.failures.first = self.failures.first.or(failures.first);
        }
        self.failures.in_words()
    }
}
