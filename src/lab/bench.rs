//! Makes one scenario after the other, and holds what is said of it against what is true.

use std::fs;
use std::io;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::analysis::stream::Analysis;
use crate::diagnosis::remedy::Remedy;
use crate::host::Host;
use crate::lab::error::LabError;
use crate::lab::network::{Network, local, of_pod};
use crate::lab::proof::{Outcome, Remedied};
use crate::lab::recording::{Capture, Recording, pause};
use crate::lab::scenario::{Kind, Pace, Scenario};
use crate::lab::sender::Stop;
use crate::lab::sizes::{LOCALS, Regime};
use crate::lab::traffic::Traffic;
use crate::lab::truth::{Drops, Score};
use crate::os::signals::Signals;
use crate::report::build::Request;
use crate::text::shown;

/// What is given to packets that are on their way when all were sent.
const AFTER: Duration = Duration::from_millis(200);
/// Packets to fresh addresses on each CPU that show whether this kernel refuses entries.
const TRIES: u32 = 10;

/// Where scenarios are made.
pub(crate) struct Bench<'a> {
    /// The host.
    pub(crate) host: &'a Host,
    /// What ends it early.
    pub(crate) signals: &'a Signals,
    /// What the recording is told besides.
    pub(crate) arguments: Vec<String>,
    /// How long those take that go by time.
    pub(crate) duration: Duration,
    /// Modules of the kernel may be loaded for it.
    pub(crate) load_modules: bool,
    /// Where captures are kept.
    pub(crate) save: Option<PathBuf>,
}

/// A network that is there.
pub(crate) struct Raised(Network);

impl Raised {
    /// Its namespaces, each with the command that enters it.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (String, String)> {
        let pid = std::process::id();
        self.0
            .places()
            .map(move |(name, tid)| (name, format!("nsenter --net=/proc/{pid}/task/{tid}/ns/net")))
    }

    /// An address of the node that had no packet before, and one of a pod that answers.
    #[must_use]
    pub(crate) fn example(&self) -> (Ipv6Addr, Ipv6Addr) {
        (local(LOCALS), of_pod(0, 0))
    }
}

impl Bench<'_> {
    /// Whether this kernel refuses entries, by trying it.
    ///
    /// # Errors
    /// What is in the way of a network.
    pub(crate) fn refuses(&self) -> Result<bool, LabError> {
        static TRIAL: Scenario = Scenario {
            name: "trial",
            about: "",
            needs_fault: true,
            regime: Regime::Full,
            asks_way_back: false,
            kinds: &[Kind::Answer],
            pace: Pace::Burst,
        };
        let Ok(network) = self.filled(&TRIAL)? else {
            return Ok(false);
        };
        let mut traffic = Traffic::new(&network, &TRIAL, true);
        for _ in 0..TRIES {
            traffic.round()?;
        }
        Ok(traffic.end()?.iter().any(|packet| packet.lost))
    }

    /// Makes the network of a scenario, to be looked around in as long as it is kept; or says why
    /// there is none.
    ///
    /// # Errors
    /// What is in the way of it.
    pub(crate) fn raise(
        &self,
        scenario: &'static Scenario,
    ) -> Result<Result<Raised, String>, LabError> {
        Ok(self.filled(scenario)?.map(Raised))
    }

    /// A network with its cache filled and limited; or why there is none.
    fn filled(&self, scenario: &'static Scenario) -> Result<Result<Network, String>, LabError> {
        let network = Network::new(self.host)?;
        network.fill()?;
        if scenario.asks_way_back {
            network.listen()?;
            if let Err(why) = network.ask_way_back(self.load_modules)? {
                return Ok(Err(why));
            }
        }
        network.limit(scenario.regime)?;
        Ok(Ok(network))
    }

    /// Makes a scenario, records it, and holds one against the other; or says why it is not made.
    ///
    /// # Errors
    /// What is in the way of it.
    pub(crate) fn run(
        &self,
        scenario: &'static Scenario,
        refuses: bool,
    ) -> Result<Result<Outcome, String>, LabError> {
        let start = Instant::now();
        let network = match self.filled(scenario)? {
            Ok(network) => network,
            Err(why) => return Ok(Err(why)),
        };
        let mut traffic = Traffic::new(&network, scenario, refuses);
        let no_routes = || network.snapshot().in_no_routes();
        let (capture, rise) = match scenario.pace {
            Pace::Endless => (self.record_endless(&network, &mut traffic)?, None),
            _ => {
                let recording = self.start(&network, scenario)?;
                let before = no_routes();
                self.send(scenario, &mut traffic)?;
                pause(AFTER, self.signals)?;
                let rise = no_routes()
                    .zip(before)
                    .map(|(after, before)| after - before);
                (recording.stop()?, rise)
            }
        };
        let sent = traffic.end()?;
        self.keep(scenario, &capture)?;
        let said = read(&capture)?;
        let remedy = match scenario.pace {
            Pace::Remedied => Some(self.remedy(&network, scenario, &said.remedy)?),
            _ => None,
        };
        Ok(Ok(Outcome {
            scenario,
            score: Score::of(&sent, &said.drops.0, said.of_rules),
            counted: rise.filter(|_| !scenario.asks_way_back),
            remedy,
            seconds: start.elapsed().as_secs_f64(),
        }))
    }

    fn start(&self, network: &Network, scenario: &Scenario) -> Result<Recording, LabError> {
        let mut arguments = self.arguments.clone();
        if scenario.pace == Pace::Flood {
            arguments.extend(["--max-rate".to_owned(), u32::MAX.to_string()]);
        }
        Recording::start(network, &arguments, self.signals)
    }

    fn send(&self, scenario: &Scenario, traffic: &mut Traffic<'_>) -> Result<(), LabError> {
        let wait = match scenario.pace {
            Pace::Flood => return traffic.flood(|| pause(self.duration, self.signals)),
            Pace::Spread => self.duration / Traffic::rounds(),
            _ => Duration::ZERO,
        };
        for _ in 0..Traffic::rounds() {
            traffic.round()?;
            pause(wait, self.signals)?;
        }
        Ok(())
    }

    /// Records some time of what began before and goes on after it.
    fn record_endless(
        &self,
        network: &Network,
        traffic: &mut Traffic<'_>,
    ) -> Result<Capture, LabError> {
        let within = AtomicBool::new(false);
        let over = Stop::default();
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                while traffic.has_more() && !over.came() {
                    traffic.within = within.load(Ordering::SeqCst);
                    traffic.round()?;
                }
                Ok::<_, LabError>(())
            });
            let record = || {
                let recording = Recording::start(network, &self.arguments, self.signals)?;
                within.store(true, Ordering::SeqCst);
                let waited = pause(self.duration, self.signals);
                within.store(false, Ordering::SeqCst);
                waited?;
                pause(AFTER, self.signals)?;
                recording.stop()
            };
            let recorded = record();
            over.now();
            let ended = || io::Error::other("the sender ended early");
            let sent = sender.join();
            sent.unwrap_or_else(|_| Err(LabError::Packets(ended())))?;
            recorded
        })
    }

    /// Applies what was advised, and sends the same again.
    fn remedy(
        &self,
        network: &Network,
        scenario: &'static Scenario,
        command: &Option<String>,
    ) -> Result<Remedied, LabError> {
        let none = || LabError::Recording("advises no setting".to_owned());
        let command = command.clone().ok_or_else(none)?;
        let value = |name: &str| {
            let mut words = command
                .split([' ', '='])
                .skip_while(|word| !word.ends_with(name));
            words.nth(1)?.parse::<i64>().ok()
        };
        let (max_size, gc_thresh) = value("route.max_size")
            .zip(value("route.gc_thresh"))
            .ok_or_else(none)?;
        network.set(max_size, gc_thresh)?;
        let mut traffic = Traffic::new(network, scenario, true);
        self.send(scenario, &mut traffic)?;
        let sent = traffic.end()?;
        Ok(Remedied {
            command,
            packets: sent.len() as u64,
            lost: sent.iter().filter(|packet| packet.lost).count() as u64,
        })
    }

    /// Keeps a capture where that was asked for.
    fn keep(&self, scenario: &Scenario, capture: &Capture) -> Result<(), LabError> {
        let Some(directory) = &self.save else {
            return Ok(());
        };
        let path = directory.join(format!("{}.capture", scenario.name));
        let kept = fs::copy(capture.path(), &path);
        let failed = |e| LabError::Recording(format!("cannot be kept as {}: {e}", shown(&path)));
        kept.map(drop).map_err(failed)
    }
}

/// What is said of a capture.
struct Said {
    /// Each drop.
    drops: Drops,
    /// Drops that are none of routing.
    of_rules: u64,
    /// The setting that is advised now.
    remedy: Option<String>,
}

fn read(capture: &Capture) -> Result<Said, LabError> {
    let request = Request::default();
    let mut analysis = Analysis::new(&request, true);
    let unread = |e| LabError::Recording(format!("cannot be read: {e}"));
    analysis.read(&capture.path()).map_err(unread)?;
    let mut drops = Drops::default();
    let report = analysis.finish();
    report.walk(0, &mut drops).map_err(unread)?;
    let found = &report.summary.findings;
    Ok(Said {
        drops,
        of_rules: found.health.netfilter.no_way_back,
        remedy: Remedy::of(found).map(|remedy| remedy.command),
    })
}
