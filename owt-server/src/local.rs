//! One call with no server: a worker process for it alone, and no HTTP.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use owt_core::{Call, CallGuard, Code, Error, Executor, Reply, ReplyBody, ReplyHead};
use tokio::task::LocalSet;

use crate::config::{Address, Config, Dependencies};
use crate::dispatch::{Dispatcher, Dispatchers};
use crate::environment::{Installed, Installer, Progress, Store, Uv};
use crate::interpreter::{Interpreter, Places};
use crate::package::RunDir;
use crate::pool::{self, Housekeeping, Launch, Pool, Profile, Subreaper};
use crate::pools::{base, launch, limits};
use crate::router::{Place, place, script, sentence};
use crate::serve_error::ServeError;

/// Why a local call gave no whole reply.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Python did not start.
    #[error(transparent)]
    Start(#[from] ServeError),
    /// The call failed, as it would at a server.
    #[error(transparent)]
    Call(#[from] Error),
    /// Somebody has pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The reply could not be written.
    #[error("cannot write the reply: {0}")]
    Output(#[from] io::Error),
}

/// Runs one call, and writes its reply to `out` as it comes. `progress` is given what is said while its
/// dependencies are installed.
///
/// # Errors
/// When Python does not start, the call fails, or `out` cannot be written to.
pub fn run(
    config: &Config,
    call: Call,
    out: &mut dyn Write,
    progress: impl Fn(&str) + Send + Sync + 'static,
) -> Result<ReplyHead, LocalError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = run_to_its_end(config, call, out, progress);
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            outcome = run => outcome,
            // What installs is killed with its future, and the worker ends as its socket closes.
            Ok(()) = tokio::signal::ctrl_c() => Err(LocalError::Interrupted),
        }
    })
}

async fn run_to_its_end(
    config: &Config,
    call: Call,
    out: &mut dyn Write,
    progress: impl Fn(&str) + Send + Sync + 'static,
) -> Result<ReplyHead, LocalError> {
    let run_dir = Arc::new(RunDir::create()?);
    let nowhere = Address::Tcp(SocketAddr::new(config.address, 0));
    let interpreter = interpreter(config)?;
    let launch = launch(config, &interpreter, &run_dir, &nowhere)?;
    let profile = Profile::plain(1, config.recycling.clone());
    let (pool_state, listeners) = pool::Shared::new(profile.into(), 1);
    let housekeeping = Housekeeping::start(Some(&pool_state), run_dir.clone());
    let progress = Progress::with_listener(progress);
    let subreaper = pool_state.subreaper.clone();
    let installed = environment(config, &call, interpreter, subreaper, &progress).await?;
    let launch = match &installed {
        Some(installed) => Launch { python: installed.python.clone(), ..launch },
        None => launch,
    };
    let dispatchers =
        Dispatchers::new(pool_state.clone(), listeners, limits(config), Arc::default());
    let pool = Pool::start(launch, run_dir, pool_state).await.map_err(ServeError::from)?;
    let outcome = execute(&dispatchers.start(), call, out).await;
    pool.stop().await;
    housekeeping.stop().await;
    outcome
}

fn interpreter(config: &Config) -> Result<Interpreter, ServeError> {
    Ok(Places::of_environment(config.python.clone())?.find()?)
}

/// The environment that a call asks for, if it does not run in the server's own.
async fn environment(
    config: &Config,
    call: &Call,
    interpreter: Interpreter,
    subreaper: Arc<Subreaper>,
    progress: &Progress,
) -> Result<Option<Installed>, LocalError> {
    let Code::Source(source) = &call.code else { return Ok(None) };
    let (python, base) = (interpreter.executable.clone(), Arc::new(base(interpreter)));
    if config.dependencies == Dependencies::Off {
        return Ok(None);
    }
    let spec = match place(script(source.text())?, call.lock.as_ref(), config.dependencies, &base)?
    {
        Place::Own => return Ok(None),
        Place::Environment(_, spec) => spec,
    };
    let installer = Installer::new(Store::open()?, config.install_timeout, subreaper);
    let installed = installer.install(&spec, || Uv::find(&python), progress).await;
    Ok(Some(installed.map_err(|err| sentence(&err))?))
}

async fn execute(
    dispatcher: &Dispatcher,
    call: Call,
    out: &mut dyn Write,
) -> Result<ReplyHead, LocalError> {
    let reply = dispatcher.execute(Box::new(call), None, CallGuard::default());
    let Reply { head, body } = reply.await.map_err(|failure| failure.error)?;
    match body {
        ReplyBody::Whole(bytes) => out.write_all(&bytes)?,
        ReplyBody::Stream(stream) => {
            let mut stream = pin!(stream);
            while let Some(chunk) = stream.next().await {
                out.write_all(&chunk?)?;
                out.flush()?;
            }
        }
    }
    out.flush()?;
    Ok(head)
}
