//! A worker process: the user's own Python, and the threads that run calls in it.
//!
//! The front starts `python`, which imports this extension module and calls [`run`]. Standard input is
//! the control socket; the settings arrive over it, and the sockets for calls with them.
//!
//! The way of a call: `reader` decodes it, `engine` accepts it, `run_queue` and `fair_queue` decide
//! when it runs, `leader` and `threads` on which thread. `run_job` runs it, Python sees it as a
//! `py_call`, and its `reply` goes out over its `connection`, no faster than `flow_control` allows.

mod call;
mod callbacks;
mod cancellation;
mod connection;
mod control;
mod delay_queue;
mod engine;
mod fair_queue;
mod flow_control;
mod leader;
mod leadership;
mod monitor;
mod py_call;
mod python;
mod reader;
mod reply;
mod run_job;
mod run_queue;
mod scheduler;
mod threads;
mod upload;
mod window;

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use pyo3::prelude::*;

use self::callbacks::Callbacks;
use self::connection::Connection;
use self::engine::Engine;
use owt_common::wire::{Ready, Settings};

/// What `python` imports.
#[pymodule]
mod _owt_native {
    use pyo3::prelude::*;

    /// Runs a worker on the calling thread until its front is gone or stops it. Never returns.
    #[pyfunction]
    fn run(py: Python<'_>) {
        py.detach(|| std::process::exit(super::run()));
    }
}

/// Exit status of a worker that could not start.
const FAILURE: i32 = 1;

fn run() -> i32 {
    owt_common::log::init_worker();
    abort_on_panic();
    let control = match control::Control::open() {
        Ok(control) => control,
        Err(err) => {
            tracing::error!("a worker is started by owt serve, not by hand: {err}");
            return FAILURE;
        }
    };
    let (control, settings, sockets) = match control.receive_settings() {
        Ok(received) => received,
        Err(err) => {
            tracing::error!("a worker got no settings from its front: {err}");
            return FAILURE;
        }
    };
    let ready = match start(&settings, sockets, control.as_raw_fd()) {
        Ok(()) => Ready::Yes,
        Err(why) => Ready::No(why),
    };
    control.serve(&ready, &settings);
    FAILURE
}

/// A thread that panics may be the leader, without which a worker reads no more calls. So the whole
/// process ends, and is replaced.
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::abort();
    }));
}

fn start(settings: &Settings, sockets: Vec<OwnedFd>, control: i32) -> Result<(), String> {
    if sockets.len() != settings.connections {
        return Err(format!("{} of {} sockets arrived", sockets.len(), settings.connections));
    }
    let connections: Vec<_> = (0..)
        .zip(sockets)
        .map(|(index, socket)| Arc::new(Connection::new(index, socket)))
        .collect();
    let fds = connections.iter().map(|connection| connection.socket().as_raw_fd());
    let fds = fds.chain([control]).collect();
    let callbacks = Python::attach(|py| Callbacks::start(py, settings, fds));
    let callbacks = callbacks.map_err(|err| err.to_string())?;
    Engine::new(connections, callbacks, settings.threads).start();
    Ok(())
}
