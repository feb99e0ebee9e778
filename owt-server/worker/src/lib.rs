//! A worker process: the user's own Python, and the threads that run calls in it.
//!
//! The front starts `python`, which imports this extension module and calls its `run`. Standard input is
//! the control socket; the settings arrive over it, and the sockets for calls with them.
//!
//! The way of a call: `reader` decodes it, `engine` accepts it, `run_queue` and `fair_queue` decide
//! when it runs, `leader`, `slow_adaptors` and `threads` on which thread. `run_job` runs it, Python sees it as a
//! `py_call`, and its `reply` goes out over its `connection`, no faster than `flow_control` allows.

mod arguments;
mod call;
mod callbacks;
mod cancellation;
mod connection;
mod control;
mod delay_queue;
mod digests;
mod engine;
mod fair_queue;
mod flow_control;
mod leader;
mod leadership;
mod monitor;
mod native_id;
mod plain_reply;
mod py_call;
mod python;
mod reader;
mod reply;
mod reports;
mod run_job;
mod run_queue;
mod scheduler;
mod slow_adaptors;
mod threads;
mod upload;
mod window;

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::exit;
use std::sync::Arc;
use std::thread;

use pyo3::prelude::*;

use self::callbacks::Callbacks;
use self::connection::Connection;
use self::control::Control;
use self::engine::Engine;
use owt_common::wire::Settings;

/// What `python` imports.
#[pymodule]
mod _owt_native {
    use pyo3::prelude::*;

    /// Runs a worker until its front is gone or stops it. Never returns. The calling thread, which is
    /// the interpreter's main one, runs what needs to be there.
    #[pyfunction]
    fn run(py: Python<'_>) {
        let engine = py.detach(super::start);
        super::run_main_thread(py, &engine)
    }
}

/// Exit status of a worker that could not start, or cannot go on.
const FAILURE: i32 = 1;

/// Starts the threads of a worker; ends the process if it cannot.
fn start() -> Arc<Engine> {
    owt_common::log::init_worker();
    abort_on_panic();
    let control = Control::open().unwrap_or_else(|err| {
        fail(&format!("a worker is started by owt serve, not by hand: {err}"))
    });
    let (control, settings, sockets) = control
        .receive_settings()
        .unwrap_or_else(|err| fail(&format!("a worker got no settings from its front: {err}")));
    let engine = match start_engine(&settings, sockets, control.as_raw_fd()) {
        Ok(engine) => engine,
        Err(why) => {
            control.refuse(why);
            exit(FAILURE);
        }
    };
    let of_control = engine.clone();
    let serve = move || control.serve(&settings, &of_control);
    if let Err(err) = thread::Builder::new().name("owt-control".into()).spawn(serve) {
        fail(&format!("cannot start a thread: {err}"));
    }
    engine
}

fn fail(message: &str) -> ! {
    tracing::error!("{message}");
    exit(FAILURE)
}

fn run_main_thread(py: Python<'_>, engine: &Engine) -> ! {
    loop {
        // It never returns, but the handler of a signal may raise anything at any point.
        if let Err(err) = engine.callbacks.run_main_thread.call0(py) {
            tracing::warn!("the main thread was interrupted: {}", err.get_type(py));
        }
    }
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

fn start_engine(
    settings: &Settings,
    sockets: Vec<OwnedFd>,
    control: i32,
) -> Result<Arc<Engine>, String> {
    if sockets.len() != settings.connections {
        return Err(format!("{} of {} sockets arrived", sockets.len(), settings.connections));
    }
    let connections: Vec<_> = (0..)
        .zip(sockets)
        .map(|(index, socket)| Arc::new(Connection::new(index, socket)))
        .collect();
    let fds = connections.iter().map(|connection| connection.socket().as_raw_fd());
    let fds = fds.chain([control]).collect();
    let start = |py: Python<'_>| {
        let callbacks = Callbacks::start(py, settings, fds)?;
        Engine::start(py, connections, callbacks, settings.threads)
    };
    Python::attach(|py| start(py).map_err(|err| callbacks::describe(py, &err)))
}
