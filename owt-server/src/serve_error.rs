//! Why a server does not start.

use std::io;
use std::path::PathBuf;

use crate::config::{Address, PoolName};
use crate::front::{RouteError, TlsError, UrlKeyFileError};
use crate::gpu::GpuError;
use crate::interpreter::InterpreterError;
use crate::members::MembersError;
use crate::pool::StartError;
use crate::watched_file::FileError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody who reaches the address could run code.
    #[error("on {0}, anybody who can reach this machine could run code on it")]
    OpenToAll(Address),
    /// The socket cannot be had.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address that was asked for.
        address: Address,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The keys of signed URLs cannot be used.
    #[error(transparent)]
    UrlKeys(#[from] UrlKeyFileError),
    /// A file of settings cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system does not show how much memory workers have.
    #[error("this system does not show how much memory workers have")]
    MemoryUnknown,
    /// The folder of static files cannot be served.
    #[error("cannot serve the files of {folder}: {cause}", folder = folder.display())]
    Static {
        /// The folder that was asked for.
        folder: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// There is no Python to run adaptors with.
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    /// A pool cannot be made.
    #[error("the pool {}: {cause}", name.as_str())]
    Pool {
        /// Its name.
        name: PoolName,
        /// Why.
        #[source]
        cause: Box<ServeError>,
    },
    /// Two pools have the same name.
    #[error("the pool {} is there twice", .0.as_str())]
    PoolTwice(PoolName),
    /// A named endpoint cannot be made.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// There are other GPUs than a pool asks for.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The members of a pool cannot be reached.
    #[error(transparent)]
    Members(#[from] MembersError),
    /// The workers do not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Something else of the system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}
