//! A terminal as a whole screen: taken over, and given back as it was on every way out of the program but
//! SIGKILL.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::panic;
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::queue;
use crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, isatty, tcflush,
    tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, ttyname,
};

use crate::os::signals::Signals;

/// How long a terminal that takes nothing is waited for at the end.
const PATIENCE: Duration = Duration::from_millis(500);
/// What a terminal that does not tell its size has.
const USUAL: (u16, u16) = (80, 24);
/// The largest that is drawn.
const MOST: u16 = 1000;

/// How a screen that is taken over was before.
struct Taken {
    tty: File,
    modes: Termios,
}

/// The one that is taken over: also whoever panics gives it back.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// A terminal that can be taken over.
#[derive(Debug)]
pub(crate) struct Screen {
    tty: File,
    /// What it has still to be told.
    pending: Vec<u8>,
    is_gone: bool,
    /// A resize ends a wait.
    _resized: Signals,
}

/// Writes to a terminal that may not take it, for a while.
fn insist(mut tty: &File, mut bytes: &[u8]) {
    let end = Instant::now() + PATIENCE;
    while !bytes.is_empty() {
        match tty.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < end => {
                let mut room = [PollFd::new(&tty, PollFlags::OUT)];
                let _ = poll(&mut room, Timespec::try_from(PATIENCE).ok().as_ref());
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Gives back the screen that is taken over, if one is.
fn give_back() {
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(Taken { tty, modes }) = taken {
        let mut bytes = b"\x1b[0m".to_vec();
        let _ = queue!(bytes, EnableLineWrap, LeaveAlternateScreen, Show);
        insist(&tty, &bytes);
        // Now: a terminal that stands still would be waited for.
        let _ = tcsetattr(&tty, OptionalActions::Now, &modes);
        // What was typed meanwhile was meant for the screen.
        let _ = tcflush(&tty, QueueSelector::IFlush);
    }
}

impl Screen {
    /// The terminal that standard output is, where it can be drawn on and this program is in front of it.
    #[must_use]
    pub(crate) fn of_stdout() -> Option<Screen> {
        let out = stdout();
        let kind = env::var_os("TERM").filter(|term| !term.is_empty())?;
        if !isatty(&out) || kind == "dumb" {
            return None;
        }
        let name = ttyname(&out, Vec::new()).ok();
        let name = name.and_then(|name| name.into_string().ok());
        // Opened anew: writes that do not wait are the matter of this program alone.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let tty = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags.try_into().ok()?)
            .open(name.as_deref().unwrap_or("/dev/tty"))
            .ok()?;
        // A job in the background would be stopped.
        let is_behind = tcgetpgrp(&tty).is_ok_and(|front| front != getpgrp());
        (!is_behind).then(|| Screen::on(tty).ok()).flatten()
    }

    /// A terminal that does not let anybody wait.
    fn on(tty: File) -> io::Result<Screen> {
        Ok(Screen {
            tty,
            pending: Vec::new(),
            is_gone: false,
            _resized: Signals::take(&[signal_hook::consts::SIGWINCH])?,
        })
    }

    /// Takes it over.
    ///
    /// # Errors
    /// What the terminal answers.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        let modes = tcgetattr(&self.tty)?;
        let mut raw = modes.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        // Ctrl-C goes on being a signal; what would stop or kill the program and leave the host as it is
        // does nothing.
        for key in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
            raw.special_codes[key] = 0;
        }
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        HOOK.call_once(|| {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                usual(info);
            }));
        });
        let tty = self.tty.try_clone()?;
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Taken { tty, modes });
        tcsetattr(&self.tty, OptionalActions::Now, &raw)?;
        queue!(self.pending, EnterAlternateScreen, Hide, DisableLineWrap)
    }

    /// Gives it back.
    pub(crate) fn leave(&mut self) {
        // Half a sequence would swallow what comes next.
        insist(&self.tty, &std::mem::take(&mut self.pending));
        give_back();
    }

    /// Columns and lines.
    #[must_use]
    pub(crate) fn size(&self) -> (u16, u16) {
        match tcgetwinsize(&self.tty) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.min(MOST), size.ws_row.min(MOST))
            }
            _ => USUAL,
        }
    }

    /// What to wait for, and how: a key, and room for what is still to be shown.
    #[must_use]
    pub(crate) fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let room = match self.pending.is_empty() {
            true => PollFlags::empty(),
            false => PollFlags::OUT,
        };
        (!self.is_gone).then(|| (self.tty.as_fd(), PollFlags::IN | room))
    }

    /// Nobody is in front of it any more.
    #[must_use]
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Whether it has been told everything.
    #[must_use]
    pub(crate) fn is_told(&self) -> bool {
        self.pending.is_empty()
    }

    /// Tells it something, now or as soon as it takes it.
    pub(crate) fn tell(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.flush();
    }

    /// Tells it what it takes.
    pub(crate) fn flush(&mut self) {
        while !self.pending.is_empty() {
            match (&self.tty).write(&self.pending) {
                Ok(written) => {
                    self.pending.drain(..written);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.is_gone = true;
                    return;
                }
            }
        }
    }

    /// What was typed since the last time.
    pub(crate) fn typed(&mut self) -> Vec<u8> {
        let mut typed = [0; 256];
        match (&self.tty).read(&mut typed) {
            Ok(0) => self.is_gone = true,
            Ok(n) => return typed[..n].to_vec(),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.is_gone = true,
        }
        Vec::new()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::panic::catch_unwind;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// Both sides of a terminal.
    fn terminal() -> (File, File) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let tty = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags.try_into().unwrap())
            .open(OsString::from_vec(name.into_bytes()));
        (File::from(master), tty.unwrap())
    }

    fn modes(tty: &File) -> String {
        let modes = tcgetattr(tty).unwrap();
        format!("{:?} {:?}", modes.local_modes, modes.special_codes)
    }

    fn told(mut master: &File) -> String {
        let mut bytes = [0; 4096];
        let n = master.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    }

    #[test]
    fn whoever_panics_gives_the_terminal_back() {
        let (master, tty) = terminal();
        let before = modes(&tty);
        let mut screen = Screen::on(tty.try_clone().unwrap()).unwrap();
        screen.enter().unwrap();
        screen.tell(b"frame");
        assert_ne!(modes(&tty), before);
        assert!(screen.is_told() && told(&master).ends_with("frame"));
        (&master).write_all(b"\x03q").unwrap();
        // Ctrl-C is no key but a signal, for whom it may concern: here for nobody.
        assert_eq!(screen.typed(), b"q");
        let panicked = catch_unwind(|| panic!("on purpose"));
        assert!(panicked.is_err());
        assert_eq!(modes(&tty), before);
        let end = told(&master);
        assert!(
            end.contains("\x1b[?1049l") && end.contains("\x1b[?25h"),
            "{end:?}"
        );
        // Once is enough.
        screen.leave();
        drop(screen);
        assert_eq!(modes(&tty), before);
    }

    #[test]
    fn a_terminal_that_nobody_reads_holds_up_nobody() {
        let (master, tty) = terminal();
        let mut screen = Screen::on(tty).unwrap();
        let much = vec![b'x'; 1 << 20];
        screen.tell(&much);
        assert!(!screen.is_told() && !screen.is_gone());
        let (_, flags) = screen.waits_for().unwrap();
        assert!(flags.contains(PollFlags::OUT));
        drop(master);
        screen.flush();
        assert!(screen.is_gone() && screen.waits_for().is_none());
    }
}
