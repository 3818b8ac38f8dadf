//! What a world is made of, and its run: a runtime with paused time, whose idle moments are the
//! hosts'. Decides nothing about tests.

use crate::world::World;
use danja::lan::impair::{Impairment, Loss};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a world, from [`World::builder`]. What is said of links holds for each frame from
/// one host to another.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(crate) impairment: Impairment,
    pub(crate) seed: u64,
    pub(crate) watchdog: Duration,
    pub(crate) capture_limit: usize,
    pub(crate) recording: Option<PathBuf>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            impairment: Impairment::default(),
            seed: 1,
            watchdog: Duration::from_secs(3600),
            capture_limit: 64 << 20,
            recording: None,
        }
    }
}

impl Builder {
    /// Probability (0 to 1) that a frame is lost.
    pub const fn loss(mut self, probability: f64) -> Self {
        self.impairment.loss = Loss::Random(probability);
        self
    }

    /// How long a frame is under way.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.impairment.delay = delay;
        self
    }

    /// By how much the delay varies, up and down; frames keep their order.
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.impairment.jitter = jitter;
        self
    }

    /// Bits per second that each host can send; 0 is no limit.
    pub const fn rate(mut self, bits_per_second: u64) -> Self {
        self.impairment = self.impairment.with_rate(bits_per_second);
        self
    }

    /// Probability (0 to 1) that a frame arrives twice.
    pub const fn duplicate(mut self, probability: f64) -> Self {
        self.impairment.duplicate = probability;
        self
    }

    /// Probability (0 to 1) that later frames overtake a frame.
    pub const fn reorder(mut self, probability: f64) -> Self {
        self.impairment.reorder = probability;
        self
    }

    /// All that is wrong with links at once.
    pub const fn impairment(mut self, impairment: Impairment) -> Self {
        self.impairment = impairment;
        self
    }

    /// What all dice and numbers of the world are drawn from. 1.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Virtual time after which the run is ended as one that hangs. 1 h.
    pub const fn watchdog(mut self, limit: Duration) -> Self {
        self.watchdog = limit;
        self
    }

    /// Bytes of packets that [`World::capture`] holds, the latest. 64 MiB.
    pub const fn capture_limit(mut self, bytes: usize) -> Self {
        self.capture_limit = bytes;
        self
    }

    /// Writes all that goes into the hosts to a file, for `danja replay` and
    /// [`Replay`](danja::record::Replay). Equal runs make equal files.
    pub fn record(mut self, file: impl Into<PathBuf>) -> Self {
        self.recording = Some(file.into());
        self
    }

    /// Runs a program in a new world, in a tokio runtime of this thread whose time is paused: it
    /// passes only when no task can go on, and then at once.
    ///
    /// # Panics
    /// The program did, or it took longer than [`Self::watchdog`]; then the text has the sockets
    /// of all hosts. Or the file of [`Self::record`] cannot be made.
    pub fn run<F: Future>(self, program: impl FnOnce(World) -> F) -> F::Output {
        self.run_noted(program, |_| {})
    }

    pub(crate) fn run_noted<F: Future>(
        self,
        program: impl FnOnce(World) -> F,
        note: impl FnOnce(&World),
    ) -> F::Output {
        let watchdog = self.watchdog;
        let world = World::new(self);
        note(&world);
        let engine = world.engine();
        let (idle, woke) = (Arc::clone(engine), Arc::clone(engine));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_park(move || idle.idle())
            .on_thread_unpark(move || woke.woke())
            .build()
            .expect("a runtime without I/O needs nothing of the system");
        let _end = End(&world);
        runtime.block_on(async {
            tokio::spawn(Arc::clone(engine).tick());
            // The ticker begins to count before the program does.
            tokio::task::yield_now().await;
            // It outlives its time, so that its sockets can be told.
            let mut running = pin!(program(world.clone()));
            match tokio::time::timeout(watchdog, running.as_mut()).await {
                Ok(output) => output,
                Err(_) => panic!("nothing came of it in {watchdog:?}\n{}", world.sockets()),
            }
        })
    }
}

/// Hosts and world hold each other; this lets go.
struct End<'a>(&'a World);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
