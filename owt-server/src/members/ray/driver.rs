//! The driver's process.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::event::Event;
use super::launch::RayLaunch;
use crate::secrets;

/// How long it may take to end its members.
const END_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) struct Driver {
    child: Child,
    /// Its end tells the driver to end.
    stdin: Option<ChildStdin>,
    /// Sent as soon as the process reads.
    settings: Option<String>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Driver {
    pub(super) fn start(launch: &RayLaunch, settings: &Value) -> io::Result<Self> {
        let mut command = Command::new(&launch.python);
        command
            .args(["-m", "owt._ray"])
            .env("PYTHONPATH", &launch.package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the server, which then ends the driver.
            .process_group(0)
            .kill_on_drop(true);
        secrets::variables().for_each(|name| {
            command.env_remove(name);
        });
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        tokio::task::spawn_local(log(stderr));
        let (stdin, settings) = (child.stdin.take(), Some(format!("{settings}\n")));
        Ok(Self { child, stdin, settings, lines: BufReader::new(stdout).lines() })
    }

    /// What it says next; `None` when it has ended.
    pub(super) async fn next(&mut self) -> Option<Event> {
        if let (Some(stdin), Some(settings)) = (&mut self.stdin, self.settings.take()) {
            // One that has ended is seen below.
            let _ = stdin.write_all(settings.as_bytes()).await;
        }
        loop {
            let line = self.lines.next_line().await.ok().flatten()?;
            match serde_json::from_str(&line) {
                Ok(event) => return Some(event),
                Err(_) => tracing::info!("Ray's driver: {line}"),
            }
        }
    }

    /// Has it end its members, and waits for that.
    pub(super) async fn stop(mut self) {
        self.stdin.take();
        if timeout(END_TIMEOUT, self.child.wait()).await.is_err() {
            tracing::warn!("Ray's driver has not ended within {END_TIMEOUT:?}, and is killed");
            let _ = self.child.kill().await;
        }
    }
}

async fn log(stderr: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!("Ray's driver: {line}");
    }
}
