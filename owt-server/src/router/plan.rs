//! Where a call runs, by what its code says of itself.

use std::sync::Arc;

use owt_core::Error;

use crate::config::Dependencies;
use crate::environment::{Base, EnvironmentError, Key, Script, Spec, check_lock};

/// Where a call runs.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// In the server's own pool.
    Own,
    /// In the pool of an environment.
    Environment(Key, Arc<Spec>),
    /// Nowhere.
    Refused(Error),
}

/// The plan of a call, of which nothing is run.
pub(crate) fn plan(
    source: &str,
    lock: Option<&Arc<str>>,
    mode: Dependencies,
    base: &Arc<Base>,
) -> Plan {
    if mode == Dependencies::Off {
        return Plan::Own;
    }
    try_plan(source, lock, mode, base).unwrap_or_else(Plan::Refused)
}

fn try_plan(
    source: &str,
    lock: Option<&Arc<str>>,
    mode: Dependencies,
    base: &Arc<Base>,
) -> Result<Plan, Error> {
    let script = Script::of(source)
        .map_err(|err| Error::MetadataInvalid(format!("The metadata block {err}.")))?;
    let Some(script) = script.filter(Script::needs_environment) else { return Ok(Plan::Own) };
    if let Some(lock) = lock {
        check_lock(lock).map_err(|err| Error::MetadataInvalid(format!("The lock {err}.")))?;
    } else if mode == Dependencies::Locked {
        let text = "This server installs only what a lock names, and none came with the code.";
        return Err(Error::DependenciesFailed(text.to_owned()));
    }
    let spec = Spec::new(script, lock.cloned(), base.clone());
    Ok(Plan::Environment(spec.key(), Arc::new(spec)))
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

    fn of(source: &str, lock: Option<&str>, mode: Dependencies) -> String {
        let base =
            Base { python: "/python".into(), version: "3.11.2".into(), settings: String::new() };
        match plan(source, lock.map(Arc::from).as_ref(), mode, &Arc::new(base)) {
            Plan::Own => "own".to_owned(),
            Plan::Environment(..) => "environment".to_owned(),
            Plan::Refused(err) => err.code().to_owned(),
        }
    }

    #[rstest]
    #[case("1 + 1", None, Dependencies::On, "own")]
    #[case(
        "# /// script\n# [tool.owt]\n# thread = 'main'\n# ///",
        None,
        Dependencies::Locked,
        "own"
    )]
    #[case(BLOCK, None, Dependencies::On, "environment")]
    #[case(BLOCK, None, Dependencies::Off, "own")]
    #[case(BLOCK, None, Dependencies::Locked, "dependencies-failed")]
    #[case(BLOCK, Some("version = 1"), Dependencies::Locked, "environment")]
    #[case(BLOCK, Some("nothing"), Dependencies::On, "metadata-invalid")]
    #[case("# /// script\n# a = \n# ///", None, Dependencies::On, "metadata-invalid")]
    #[case("# /// script\n# a = \n# ///", None, Dependencies::Off, "own")]
    fn a_plan_follows_from_the_code_alone(
        #[case] source: &str,
        #[case] lock: Option<&str>,
        #[case] mode: Dependencies,
        #[case] expected: &str,
    ) {
        assert_eq!(of(source, lock, mode), expected);
    }
}
