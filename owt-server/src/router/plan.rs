//! Where a call runs, by what its code says of itself.

use std::sync::Arc;

use owt_core::{Error, KeepAlive};

use super::environments::Environments;
use crate::config::Dependencies;
use crate::environment::{Base, EnvironmentError, Key, Script, Spec, check_lock};

/// Where a call runs.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The number of its pool.
    pub(super) pool: usize,
    /// How long its adaptor stays loaded, if that says so.
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) place: Place,
}

/// Where a call runs within a pool.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// In the pool's own workers.
    Own,
    /// In those of an environment.
    Environment(Key, Arc<Spec>),
}

/// The plan of a call, of which nothing is run. `find` gives the pool that the code names, if any, and its
/// environments, if it has workers of its own.
///
/// # Errors
/// When the metadata of the code cannot be used, there is no such pool, or it runs no such code.
pub(super) fn plan<'a>(
    source: &str,
    lock: Option<&Arc<str>>,
    find: impl Fn(Option<&str>) -> Result<(usize, Option<&'a Arc<Environments>>), Error>,
) -> Result<Plan, Error> {
    let script = script(source);
    let named = script.as_ref().ok().and_then(Option::as_ref).and_then(|script| script.pool());
    let (pool, environments) = find(named)?;
    let Some(Environments { mode, base, .. }) = environments.map(|it| &**it) else {
        // Members read what it says of packages themselves.
        let keep_alive = script.ok().flatten().as_ref().and_then(Script::keep_alive);
        return Ok(Plan { pool, keep_alive, place: Place::Own });
    };
    let script = match (script, mode) {
        // Nothing depends on what is wrong with it.
        (Err(_), Dependencies::Off) => None,
        (script, _) => script?,
    };
    let keep_alive = script.as_ref().and_then(Script::keep_alive);
    Ok(Plan { pool, keep_alive, place: place(script, lock, *mode, base)? })
}

/// What the metadata block of a source says.
pub(crate) fn script(source: &str) -> Result<Option<Script>, Error> {
    Script::of(source).map_err(|err| Error::MetadataInvalid(format!("The metadata block {err}.")))
}

/// Where in its pool a call runs.
pub(crate) fn place(
    script: Option<Script>,
    lock: Option<&Arc<str>>,
    mode: Dependencies,
    base: &Arc<Base>,
) -> Result<Place, Error> {
    let needs_environment = |script: &Script| script.needs_environment();
    let script = script.filter(needs_environment).filter(|_| mode != Dependencies::Off);
    let Some(script) = script else { return Ok(Place::Own) };
    if let Some(lock) = lock {
        check_lock(lock).map_err(|err| Error::MetadataInvalid(format!("The lock {err}.")))?;
    } else if mode == Dependencies::Locked {
        let text = "This server installs only what a lock names, and none came with the code.";
        return Err(Error::DependenciesFailed(text.to_owned()));
    }
    let spec = Spec::new(script, lock.cloned(), base.clone());
    Ok(Place::Environment(spec.key(), Arc::new(spec)))
}

/// The error of an environment as a call is told it.
pub(crate) fn sentence(err: &EnvironmentError) -> Error {
    match err {
        EnvironmentError::NoUv => Error::DependenciesUnavailable,
        EnvironmentError::Failed(words) => Error::DependenciesFailed(format!(
            "The dependencies of the code cannot be installed. uv says:\n{words}"
        )),
        EnvironmentError::Slow { limit } => Error::DependenciesFailed(format!(
            "Installing the dependencies of the code has not ended within {} s. Try again, or start the \
             server with a larger --install-timeout.",
            limit.as_secs_f64()
        )),
        EnvironmentError::Interpreter(err) => Error::DependenciesFailed(format!(
            "The code cannot run with the Python that it asks for: {err}."
        )),
        EnvironmentError::Io(err) => Error::DependenciesFailed(format!(
            "The environment of the code cannot be made: {err}. See the log of the server."
        )),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const BLOCK: &str = "# /// script\n# dependencies = ['six']\n# ///\nrun = 1";

    const OF_GPU: &str = "# /// script\n# dependencies = ['six']\n# [tool.owt]\n# pool = 'gpu'\n# \
                          keep_alive = '5m'\n# ///";

    const OF_NONE: &str = "# /// script\n# [tool.owt]\n# pool = 'none'\n# ///";

    fn of(source: &str, lock: Option<&str>, mode: Dependencies) -> String {
        let base =
            Base { python: "/python".into(), version: "3.11.2".into(), settings: String::new() };
        let (environments, _keeper) = Environments::new(mode, Arc::new(base), 1);
        let pools = ["default", "gpu"];
        let find = |name: Option<&str>| {
            let name = name.unwrap_or("default");
            let pool = pools.iter().position(|pool| *pool == name);
            let unknown = || Error::PoolUnknown { name: name.into(), known: "".into() };
            Ok((pool.ok_or_else(unknown)?, Some(&environments)))
        };
        match plan(source, lock.map(Arc::from).as_ref(), find) {
            Ok(Plan { pool, keep_alive, place }) => {
                let place = match place {
                    Place::Own => "own",
                    Place::Environment(..) => "environment",
                };
                let keep_alive = keep_alive.map(|time| format!(" for {time}"));
                format!("{place} of {}{}", pools[pool], keep_alive.unwrap_or_default())
            }
            Err(err) => err.code().to_owned(),
        }
    }

    #[rstest]
    #[case("1 + 1", None, Dependencies::On, "own of default")]
    #[case(
        "# /// script\n# [tool.owt]\n# thread = 'main'\n# ///",
        None,
        Dependencies::Locked,
        "own of default"
    )]
    #[case(BLOCK, None, Dependencies::On, "environment of default")]
    #[case(BLOCK, None, Dependencies::Off, "own of default")]
    #[case(BLOCK, None, Dependencies::Locked, "dependencies-failed")]
    #[case(BLOCK, Some("version = 1"), Dependencies::Locked, "environment of default")]
    #[case(BLOCK, Some("nothing"), Dependencies::On, "metadata-invalid")]
    #[case("# /// script\n# a = \n# ///", None, Dependencies::On, "metadata-invalid")]
    #[case("# /// script\n# a = \n# ///", None, Dependencies::Off, "own of default")]
    #[case(OF_GPU, None, Dependencies::On, "environment of gpu for 300")]
    #[case(OF_GPU, None, Dependencies::Off, "own of gpu for 300")]
    #[case(OF_NONE, None, Dependencies::On, "pool-unknown")]
    #[case(OF_NONE, None, Dependencies::Off, "pool-unknown")]
    fn a_plan_follows_from_the_code_alone(
        #[case] source: &str,
        #[case] lock: Option<&str>,
        #[case] mode: Dependencies,
        #[case] expected: &str,
    ) {
        assert_eq!(of(source, lock, mode), expected);
    }
}
