//! A terminal for programs, seen from both of its sides.
#![allow(dead_code, unreachable_pub)] // every test binary uses its own part

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

/// What the terminal sends for Ctrl-C.
const CTRL_C: u8 = 3;

/// The side of whoever sits in front of it.
pub struct Terminal {
    keys: File,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    reading: JoinHandle<()>,
}

impl Terminal {
    /// A terminal, and the side of the programs on it.
    pub fn open() -> (Terminal, OwnedFd) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let name = OsString::from_vec(name.into_bytes());
        let slave = File::options().read(true).write(true).open(name).unwrap();
        let keys = File::from(master);
        let mut reader = keys.try_clone().unwrap();
        let (shown, screen) = channel();
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal is gone when the last program on it is.
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                let _ = shown.send(bytes[..n].to_vec());
            }
        });
        let terminal = Terminal {
            keys,
            screen,
            seen: Vec::new(),
            reading,
        };
        (terminal, slave.into())
    }

    /// True where Ctrl-C was pressed; a terminal that no program is on any more takes none, and one
    /// that has no room for it must not be waited for: it may have it never again.
    pub fn press_ctrl_c(&mut self) -> bool {
        let mut room = [PollFd::new(&self.keys, PollFlags::OUT)];
        let at_once = Timespec::default();
        let has_room = poll(&mut room, Some(&at_once)).is_ok_and(|ready| ready == 1)
            && room[0].revents().contains(PollFlags::OUT);
        has_room && self.keys.write_all(&[CTRL_C]).is_ok()
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes it another size, of which its programs hear.
    pub fn resize(&self, columns: u16, lines: u16) {
        let size = Winsize {
            ws_col: columns,
            ws_row: lines,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.keys, size).unwrap();
    }

    /// How it treats keys.
    pub fn modes(&self) -> String {
        let modes = tcgetattr(&self.keys).unwrap();
        format!("{modes:?}")
    }

    /// All bytes that were shown so far.
    pub fn bytes(&mut self) -> &[u8] {
        self.seen.extend(self.screen.try_iter().flatten());
        &self.seen
    }

    /// Whether that was shown so far.
    pub fn shows(&mut self, text: &str) -> bool {
        self.seen.extend(self.screen.try_iter().flatten());
        String::from_utf8_lossy(&self.seen).contains(text)
    }

    /// All that was shown until the last program ended.
    pub fn text(self) -> String {
        self.reading.join().unwrap();
        let rest = self.screen.try_iter().flatten();
        let all: Vec<u8> = self.seen.into_iter().chain(rest).collect();
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// `ip6drop` in a session of its own, so that the Ctrl-C of its terminal reaches it.
pub fn ip6drop_in_session() -> Command {
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_ip6drop")]);
    command
}
