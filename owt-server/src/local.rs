//! One call with no server: a worker process for it alone, and no HTTP.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;

use futures_util::StreamExt;
use owt_core::{Call, CallGuard, Error, Executor, Reply, ReplyBody, ReplyHead};
use tokio::task::LocalSet;

use crate::config::{Address, Config};
use crate::dispatch::{Dispatcher, Dispatchers};
use crate::package::RunDir;
use crate::pool::{self, Pool};
use crate::serve::{ServeError, launch, limits};

/// Why a local call gave no whole reply.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Python did not start.
    #[error(transparent)]
    Start(#[from] ServeError),
    /// The call failed, as it would at a server.
    #[error(transparent)]
    Call(#[from] Error),
    /// The reply could not be written.
    #[error("cannot write the reply: {0}")]
    Output(#[from] io::Error),
}

/// Runs one call, and writes its reply to `out` as it comes.
///
/// # Errors
/// When Python does not start, the call fails, or `out` cannot be written to.
pub fn run(config: &Config, call: Call, out: &mut dyn Write) -> Result<ReplyHead, LocalError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let run_dir = RunDir::create()?;
        let nowhere = Address::Tcp(SocketAddr::new(config.address, 0));
        let launch = launch(config, &run_dir, &nowhere)?;
        let (pool_state, listeners) = pool::Shared::new(1, 1, config.recycling.clone());
        let dispatchers = Dispatchers::new(pool_state.clone(), listeners, limits(config));
        let pool = Pool::start(launch, run_dir, pool_state).await.map_err(ServeError::from)?;
        let outcome = execute(&dispatchers.start(), call, out).await;
        pool.stop().await;
        outcome
    })
}

async fn execute(
    dispatcher: &Dispatcher,
    call: Call,
    out: &mut dyn Write,
) -> Result<ReplyHead, LocalError> {
    let reply = dispatcher.execute(call, None, CallGuard::default());
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
