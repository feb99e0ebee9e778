//! Environments: what an adaptor says of the Python and the packages that it needs, and the virtualenvs
//! that `uv` makes of that. Nothing here knows calls or workers.

mod block;
mod error;
mod install;
mod kept;
mod lock_file;
mod progress;
mod requirement;
mod script;
mod settings;
mod spec;
mod store;
mod uv;

pub(crate) use error::EnvironmentError;
pub(crate) use install::{Installed, Installer};
pub use kept::{KeptEnvironment, Removal, kept_environments, remove_environment};
pub(crate) use lock_file::check as check_lock;
pub(crate) use progress::Progress;
pub(crate) use script::Script;
pub(crate) use settings::settings;
pub(crate) use spec::{Base, Key, Spec};
pub(crate) use store::Store;
pub(crate) use uv::Uv;
pub use uv::find_uv;
