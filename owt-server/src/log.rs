//! The server's log: lines on standard error, of the same form from the front and the workers.
//!
//! The front never waits for whoever reads its log. Where nobody reads, lines wait in a bounded
//! queue; those that find it full are lost, and their number is told once somebody reads again.
//! What workers print comes through the front, which has them wait only as long as somebody reads.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The environment variable by which the front tells its workers how much to log.
pub(crate) const LEVEL_VARIABLE: &str = "OWT_LOG";

/// How many lines wait for a reader before the next ones are lost.
const MOST_WAITING: usize = 8192;

/// How many there are before workers wait too, so that a reader who is only slow loses nothing.
const MANY_WAITING: usize = MOST_WAITING / 4 * 3;

/// How long a reader that takes no line is waited for, and how often it is looked after.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(1);

/// The log of this process, if it has been told to have one.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// How often, and how long each time, the end of a program waits for a line that is being written.
const LAST_LOOKS: u32 = 10;
const LAST_LOOK: Duration = Duration::from_millis(10);

/// Sees to it, when it is dropped, that the last lines are written.
#[must_use = "lines that wait are lost when this is dropped at once"]
#[derive(Debug)]
pub struct LogGuard {
    worker: Option<WorkerGuard>,
    progress: Arc<Progress>,
}

/// How far the writing of the lines has come.
#[derive(Debug, Default)]
struct Progress {
    is_writing: AtomicBool,
    written: AtomicUsize,
}

/// Logs from here on, as much as `level` says, without ever waiting for a reader. Colour only on a
/// terminal (and never with `NO_COLOR`).
///
/// Libraries are heard only when they warn: what actix-web has to say of itself is no news to users,
/// and what it says of requests that are no HTTP, a client could fill the log with.
pub fn init(level: LevelFilter) -> LogGuard {
    let progress = Arc::<Progress>::default();
    let lost = Arc::<OnceLock<ErrorCounter>>::default();
    let paper = Paper { lost: lost.clone(), told: 0, progress: progress.clone() };
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MOST_WAITING);
    let (lines, worker) = builder.thread_name("owt-log").finish(paper);
    lost.get_or_init(|| lines.error_counter());
    let queue = Queue { lines, given: Arc::default(), progress: progress.clone() };
    let queue = QUEUE.get_or_init(|| queue);
    init_with(level, || queue.clone());
    LogGuard { worker: Some(worker), progress }
}

fn init_with<W>(level: LevelFilter, writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let has_colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let levels = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("actix_http", LevelFilter::OFF)
        .with_target("owt", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(has_colour)
        .with_target(false);
    // A second call is a test in the same process; the first subscriber stays.
    let _ = tracing_subscriber::registry().with(lines).with(levels).try_init();
}

/// Logs as the front was told to, at once: a worker may be killed at any time, and what it last said
/// is what one wants to know.
pub(crate) fn init_worker() {
    let level = std::env::var(LEVEL_VARIABLE).ok().and_then(|level| level.parse().ok());
    init_with(level.unwrap_or(LevelFilter::INFO), io::stderr);
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let is_stuck = (0..LAST_LOOKS).all(|_| {
            let is_writing = self.progress.is_writing.load(Ordering::Acquire);
            if is_writing {
                std::thread::sleep(LAST_LOOK);
            }
            is_writing
        });
        if is_stuck {
            // Nobody reads: the last lines would never be written, and the wait for them be in vain.
            std::mem::forget(self.worker.take());
        }
    }
}

/// Takes lines, and counts them.
#[derive(Clone, Debug)]
struct Queue {
    lines: NonBlocking,
    given: Arc<AtomicUsize>,
    progress: Arc<Progress>,
}

impl Queue {
    fn written(&self) -> usize {
        self.progress.written.load(Ordering::Acquire)
    }

    fn waiting(&self) -> usize {
        let gone = self.written() + self.lines.error_counter().dropped_lines();
        self.given.load(Ordering::Acquire).saturating_sub(gone)
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.given.fetch_add(1, Ordering::Release);
        self.lines.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

/// Passes on the lines of one worker. Where somebody reads, none of them is lost.
#[derive(Default)]
pub(crate) struct Pass {
    /// How much was written when the reader was given up.
    given_up: Option<usize>,
}

impl Pass {
    pub(crate) async fn on(&mut self, line: &[u8]) {
        let written = match QUEUE.get() {
            Some(queue) => {
                self.wait_for_room(queue).await;
                queue.clone().write_all(line)
            }
            None => io::stderr().write_all(line),
        };
        // A log that is gone stops nobody.
        let _ = written;
    }

    /// Waits for room in the queue, but not for a reader that has stalled.
    async fn wait_for_room(&mut self, queue: &Queue) {
        let (mut written, mut since) = (queue.written(), Instant::now());
        while queue.waiting() >= MANY_WAITING && self.given_up != Some(written) {
            if since.elapsed() >= PATIENCE {
                self.given_up = Some(written);
            }
            tokio::time::sleep(LOOK).await;
            if queue.written() != written {
                (written, since) = (queue.written(), Instant::now());
            }
        }
    }
}

/// Standard error, and before the next line the number of those that were lost.
struct Paper {
    lost: Arc<OnceLock<ErrorCounter>>,
    told: usize,
    progress: Arc<Progress>,
}

impl Write for Paper {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.progress.is_writing.store(true, Ordering::Release);
        // Whole, as it is counted; nobody would write the rest of a line after an error.
        let written = self.tell_lost().and_then(|()| io::stderr().write_all(line));
        self.progress.written.fetch_add(1, Ordering::Release);
        self.progress.is_writing.store(false, Ordering::Release);
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl Paper {
    fn tell_lost(&mut self) -> io::Result<()> {
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        let more = lost - self.told;
        if more == 0 {
            return Ok(());
        }
        self.told = lost;
        writeln!(io::stderr(), "{more} lines of this log are lost: nobody was reading it")
    }
}
