//! The server's log: lines on standard error, of the same form from the front and the workers.
//!
//! The front never blocks on its log. Lines go through a bounded queue; those that find it full are
//! dropped, and their number is logged once somebody reads again. What workers print goes through the
//! front, which applies backpressure to them as long as the log is read.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// How many lines the queue holds before it drops the next ones.
const MAX_QUEUED: usize = 8192;

/// How many lines the queue holds before workers have to wait, so that a reader that is only slow
/// loses none.
const HIGH_WATER_MARK: usize = MAX_QUEUED / 4 * 3;

/// How long the log may make no progress before workers wait no longer, and how often that is checked.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The log of this process, once it is initialised.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// How often, and at which interval, it is checked at exit whether a write is stuck.
const EXIT_POLLS: u32 = 10;
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Flushes the log when it is dropped.
#[must_use = "queued lines are lost when this is dropped at once"]
#[derive(Debug)]
pub struct LogGuard {
    worker: Option<WorkerGuard>,
    progress: Arc<Progress>,
}

/// How much has been written.
#[derive(Debug, Default)]
struct Progress {
    is_writing: AtomicBool,
    written: AtomicUsize,
}

/// Starts logging at `level`, without ever blocking on a reader. Colour only on a terminal, and never
/// with `NO_COLOR`.
///
/// Libraries log only warnings: what actix-web reports of itself does not concern users, and clients
/// could fill the log with what it reports of malformed requests.
pub fn init(level: LevelFilter) -> LogGuard {
    let progress = Arc::<Progress>::default();
    let lost = Arc::<OnceLock<ErrorCounter>>::default();
    let stderr = Stderr { lost: lost.clone(), reported: 0, progress: progress.clone() };
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MAX_QUEUED);
    let (lines, worker) = builder.thread_name("owt-log").finish(stderr);
    lost.get_or_init(|| lines.error_counter());
    let queue = Queue { lines, queued: Arc::default(), progress: progress.clone() };
    let queue = QUEUE.get_or_init(|| queue);
    owt_common::log::init_with(level, || queue.clone());
    LogGuard { worker: Some(worker), progress }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let is_stuck = (0..EXIT_POLLS).all(|_| {
            let is_writing = self.progress.is_writing.load(Ordering::Acquire);
            if is_writing {
                std::thread::sleep(EXIT_POLL_INTERVAL);
            }
            is_writing
        });
        if is_stuck {
            // Nobody reads the log, so its worker would never finish.
            std::mem::forget(self.worker.take());
        }
    }
}

/// Queues lines, and counts them.
#[derive(Clone, Debug)]
struct Queue {
    lines: NonBlocking,
    queued: Arc<AtomicUsize>,
    progress: Arc<Progress>,
}

impl Queue {
    fn written(&self) -> usize {
        self.progress.written.load(Ordering::Acquire)
    }

    fn waiting(&self) -> usize {
        let gone = self.written() + self.lines.error_counter().dropped_lines();
        self.queued.load(Ordering::Acquire).saturating_sub(gone)
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queued.fetch_add(1, Ordering::Release);
        self.lines.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

/// Forwards the lines of one worker to the log. None is lost while the log is read.
#[derive(Default)]
pub(crate) struct Forwarder {
    /// How much was written when the log was found stalled.
    stalled_at: Option<usize>,
}

impl Forwarder {
    pub(crate) async fn forward(&mut self, line: &[u8]) {
        let written = match QUEUE.get() {
            Some(queue) => {
                self.wait_for_room(queue).await;
                queue.clone().write_all(line)
            }
            None => io::stderr().write_all(line),
        };
        // A log that cannot be written to is no reason to stop.
        let _ = written;
    }

    /// Waits for room in the queue, unless the log has stalled.
    async fn wait_for_room(&mut self, queue: &Queue) {
        let (mut written, mut since) = (queue.written(), Instant::now());
        while queue.waiting() >= HIGH_WATER_MARK && self.stalled_at != Some(written) {
            if since.elapsed() >= STALL_TIMEOUT {
                self.stalled_at = Some(written);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
            if queue.written() != written {
                (written, since) = (queue.written(), Instant::now());
            }
        }
    }
}

/// Standard error. Reports how many lines were lost before it writes the next one.
struct Stderr {
    lost: Arc<OnceLock<ErrorCounter>>,
    reported: usize,
    progress: Arc<Progress>,
}

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.progress.is_writing.store(true, Ordering::Release);
        // The whole line, because lines are counted; after an error nobody would write the rest.
        let written = self.report_lost().and_then(|()| io::stderr().write_all(line));
        self.progress.written.fetch_add(1, Ordering::Release);
        self.progress.is_writing.store(false, Ordering::Release);
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl Stderr {
    fn report_lost(&mut self) -> io::Result<()> {
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        let more = lost - self.reported;
        if more == 0 {
            return Ok(());
        }
        self.reported = lost;
        writeln!(io::stderr(), "{more} lines of this log are lost: nobody was reading it")
    }
}
