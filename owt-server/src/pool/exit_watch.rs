//! Notices that a child has exited before it is reaped: until then, no other process gets its id.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// Watches one child.
pub(super) enum ExitWatch {
    /// Readable once it has exited.
    Pidfd(AsyncFd<OwnedFd>),
    /// Closed by a thread that waits for it.
    Thread(watch::Receiver<()>),
}

impl ExitWatch {
    pub(super) fn of(child: Pid) -> io::Result<Self> {
        match pidfd(child) {
            Some(pidfd) => Ok(Self::Pidfd(pidfd)),
            None => Self::by_thread(child),
        }
    }

    /// For systems without pidfds.
    fn by_thread(child: Pid) -> io::Result<Self> {
        let (sender, receiver) = watch::channel(());
        let wait = move || {
            let _sender = sender;
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(child), options).is_err_and(|err| err == Errno::INTR) {}
        };
        std::thread::Builder::new().name("owt-exit-watch".into()).spawn(wait)?;
        Ok(Self::Thread(receiver))
    }

    /// Waits until the child has exited.
    pub(super) async fn exited(&mut self) {
        match self {
            Self::Pidfd(pidfd) => drop(pidfd.readable().await),
            Self::Thread(watch) => while watch.changed().await.is_ok() {},
        }
    }
}

/// `None` on a kernel without pidfds.
#[cfg(target_os = "linux")]
#[expect(deprecated, reason = "sound for an OwnedFd; what replaces it is unsafe for all types")]
fn pidfd(child: Pid) -> Option<AsyncFd<OwnedFd>> {
    let process = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::NONBLOCK).ok()?;
    AsyncFd::with_interest(process, tokio::io::Interest::READABLE).ok()
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_child: Pid) -> Option<AsyncFd<OwnedFd>> {
    None
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::by_what_the_system_has(ExitWatch::of)]
    #[case::by_a_thread(ExitWatch::by_thread)]
    #[tokio::test]
    async fn an_exit_is_noticed_before_the_child_is_reaped(
        #[case] watch: fn(Pid) -> io::Result<ExitWatch>,
    ) {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let mut watch = watch(pid).unwrap();
        let limit = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(limit, watch.exited()).await.is_err());
        drop(child.stdin.take());
        watch.exited().await;
        // Also when it is asked again.
        watch.exited().await;
        assert!(rustix::process::test_kill_process(pid).is_ok());
        assert!(child.wait().unwrap().success());
    }
}
