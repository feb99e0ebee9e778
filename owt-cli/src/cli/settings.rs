//! The file of settings: every option of `owt serve` under its own name, and a table for each pool.
//!
//! What it says is put before the options of the command line, as if somebody had written it there, unless
//! they or a variable say otherwise. So it is read and checked in the same way.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::{Table, Value};

use crate::cmd::{ROUTE_KEYS, pool_text, route_text, unknown_route_key};
use crate::ui::{CliError, ExitKind};

/// The file that is read if it is in the start directory.
const FILE: &str = "owt.toml";

/// The option that names another one, and its variable.
const OPTION: &str = "config";
const VARIABLE: &str = "OWT_CONFIG";

/// The tables of pools and of named endpoints, and the options that they become.
const POOL: &str = "pool";
const ROUTE: &str = "route";

/// A file of settings.
#[derive(Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    table: Table,
}

impl Settings {
    /// The file that a command line names, or the one in the start directory.
    pub(super) fn find(args: &[OsString]) -> Result<Option<Self>, CliError> {
        let named = named(args).or_else(|| env::var_os(VARIABLE).filter(|path| !path.is_empty()));
        Self::open(named.as_deref().map(Path::new))
    }

    /// The file of this name, or the one in the start directory, if there is one.
    pub(crate) fn open(named: Option<&Path>) -> Result<Option<Self>, CliError> {
        let path = named.unwrap_or(Path::new(FILE)).to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound && named.is_none() => {
                return Ok(None);
            }
            Err(err) => return Err(file_error(&path, &err.to_string())),
        };
        let table = text.parse().map_err(|err: toml::de::Error| {
            file_error(&path, &format!("it is not TOML: {}", err.to_string().trim_end()))
        })?;
        Ok(Some(Self { path, table }))
    }

    /// The command line with what the file says in it. `command` is that of `owt serve`, whose options
    /// follow `args[at]`.
    pub(super) fn merged(
        &self,
        command: &Command,
        args: &[OsString],
        at: usize,
    ) -> Result<Vec<OsString>, CliError> {
        let given = Given::of(command, &args[at..]);
        let mut added = Vec::new();
        for (key, value) in &self.table {
            if key == POOL {
                added.extend(self.pools(value, &given)?);
            } else if key == ROUTE {
                added.extend(self.routes(value)?);
            } else {
                added.extend(self.option(command, key, value, &given)?);
            }
        }
        Ok([&args[..=at], &added[..], &args[at + 1..]].concat())
    }

    /// What counts of the settings of a server that is started without options: its options, each with
    /// where it comes from. `command` is that of `owt serve`.
    pub(crate) fn report(found: Option<&Self>, command: &Command) -> Result<Vec<String>, CliError> {
        let args = [OsString::from("serve")];
        let args = match found {
            Some(settings) => settings.merged(command, &args, 0)?,
            None => args.to_vec(),
        };
        let matches = command.clone().try_get_matches_from(args);
        let matches = matches.map_err(|err| {
            let message = err.to_string();
            let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
            let err = CliError::new(ExitKind::Usage, first);
            found.map_or_else(|| err.clone(), |settings| settings.error(err.clone()))
        })?;
        let file = found.map(|settings| settings.path.display().to_string()).unwrap_or_default();
        let settings = command.get_arguments().filter(|arg| arg.get_id() != OPTION);
        let rows = settings.filter_map(|arg| {
            let origin = match matches.value_source(arg.get_id().as_str())? {
                ValueSource::CommandLine => file.clone(),
                ValueSource::EnvVariable => arg.get_env()?.to_string_lossy().into_owned(),
                _ => return None,
            };
            Some(format!("{} ({origin})", shown(arg, &matches)?))
        });
        Ok(rows.collect())
    }

    /// An error of the command line that comes of this file.
    pub(super) fn error(&self, err: CliError) -> CliError {
        err.in_file(&self.path)
    }

    /// The text under a key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.table.get(key)?.as_str()
    }

    fn option(
        &self,
        command: &Command,
        key: &str,
        value: &Value,
        given: &Given,
    ) -> Result<Vec<OsString>, CliError> {
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(key));
        let arg = arg.filter(|arg| is_setting(arg)).ok_or_else(|| self.unknown(command, key))?;
        if given.overrules(command, arg) {
            return Ok(Vec::new());
        }
        let wrong = |expected: &str| {
            file_error(
                &self.path,
                &format!("{key} takes {expected}; this is of type {}", value.type_str()),
            )
        };
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            return match value {
                Value::Boolean(true) => Ok(vec![format!("--{key}").into()]),
                Value::Boolean(false) => Ok(Vec::new()),
                _ => Err(wrong("true or false")),
            };
        }
        let is_list = matches!(arg.get_action(), ArgAction::Append);
        let values = match value {
            Value::Array(values) if is_list => values.iter().collect(),
            value => vec![value],
        };
        let options = values.into_iter().map(|value| {
            let text = text(value).ok_or_else(|| wrong("a text, a number, true or false"))?;
            Ok(format!("--{key}={text}").into())
        });
        options.collect()
    }

    fn pools(&self, value: &Value, given: &Given) -> Result<Vec<OsString>, CliError> {
        let wrong = |what: &str| file_error(&self.path, &format!("{what} has to be a table"));
        let pools = value.as_table().ok_or_else(|| wrong(POOL))?;
        let mut options = Vec::new();
        for (name, keys) in pools.iter().filter(|(name, _)| !given.pools.contains(*name)) {
            let keys = keys.as_table().ok_or_else(|| wrong(&format!("{POOL}.{name}")))?;
            let mut texts = Vec::new();
            for (key, value) in keys {
                self.pool_key(&format!("{POOL}.{name}"), key, value, &mut texts)?;
            }
            options.push(format!("--{POOL}={}", pool_text(name, &texts)).into());
        }
        Ok(options)
    }

    /// Those of the command line come beside them.
    fn routes(&self, value: &Value) -> Result<Vec<OsString>, CliError> {
        let wrong = |what: &str| file_error(&self.path, &format!("{what} has to be a table"));
        let routes = value.as_table().ok_or_else(|| wrong(ROUTE))?;
        let mut options = Vec::new();
        for (path, keys) in routes {
            let name = format!("{ROUTE}.{path:?}");
            let keys = keys.as_table().ok_or_else(|| wrong(&name))?;
            let mut texts = Vec::new();
            for (key, value) in keys {
                if !ROUTE_KEYS.contains(&key.as_str()) {
                    return Err(file_error(&self.path, &unknown_route_key(key)));
                }
                self.pool_key(&name, key, value, &mut texts)?;
            }
            let text = route_text(path, &texts)
                .map_err(|problem| file_error(&self.path, &format!("{name}: {problem}")))?;
            options.push(format!("--{ROUTE}={text}").into());
        }
        Ok(options)
    }

    fn pool_key(
        &self,
        pool: &str,
        key: &str,
        value: &Value,
        texts: &mut Vec<(String, String)>,
    ) -> Result<(), CliError> {
        match value {
            Value::Table(table) if key == "env" => table.iter().try_for_each(|(name, value)| {
                self.pool_key(pool, &format!("{key}.{name}"), value, texts)
            }),
            Value::Array(list) => {
                let list: Option<Vec<_>> = list.iter().map(text).collect();
                let list = list.ok_or_else(|| self.not_a_text(pool, key, value))?;
                texts.push((key.to_owned(), list.join("+")));
                Ok(())
            }
            value => {
                let text = text(value).ok_or_else(|| self.not_a_text(pool, key, value))?;
                texts.push((key.to_owned(), text));
                Ok(())
            }
        }
    }

    fn not_a_text(&self, pool: &str, key: &str, value: &Value) -> CliError {
        let kind = value.type_str();
        file_error(
            &self.path,
            &format!("{pool}.{key} takes a text or a number; this is of type {kind}"),
        )
    }

    fn unknown(&self, command: &Command, key: &str) -> CliError {
        let settings = command.get_arguments().filter(|arg| is_setting(arg));
        let names = settings.filter_map(Arg::get_long).chain([POOL, ROUTE]);
        let like = |name: &&str| (strsim::jaro_winkler(name, key) * 1e6) as u64;
        let nearest = names.max_by_key(like).unwrap_or_default();
        file_error(&self.path, &format!("there is no setting {key:?}"))
            .hint(format!("did you mean {nearest}? The settings are the options of owt serve"))
    }
}

/// What is said elsewhere, and counts for more.
struct Given {
    options: BTreeSet<String>,
    pools: BTreeSet<String>,
}

impl Given {
    /// By the options of a command line, and by variables. What is wrong with them is said later.
    fn of(command: &Command, args: &[OsString]) -> Self {
        let matches = command.clone().ignore_errors(true).try_get_matches_from(args);
        let (mut options, mut pools) = (BTreeSet::new(), BTreeSet::new());
        if let Ok(matches) = matches {
            let ids = command.get_arguments().map(|arg| arg.get_id().as_str());
            options.extend(ids.filter(|id| is_given(&matches, id)).map(str::to_owned));
            let raw = matches.get_raw(POOL).into_iter().flatten();
            pools.extend(
                raw.filter_map(OsStr::to_str)
                    .map(|text| text.split(':').next().unwrap_or_default().to_owned()),
            );
        }
        Self { options, pools }
    }

    /// Whether this or an option that excludes it was given.
    fn overrules(&self, command: &Command, arg: &Arg) -> bool {
        let conflicts = command.get_arg_conflicts_with(arg);
        let mut ids = conflicts.into_iter().chain([arg]).map(|arg| arg.get_id().as_str());
        ids.any(|id| self.options.contains(id))
    }
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    let source = matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id));
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// An option as the command line has it. Of secrets, only that they are there.
fn shown(arg: &Arg, matches: &ArgMatches) -> Option<String> {
    let name = arg.get_long()?;
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Some(format!("--{name}"));
    }
    if arg.is_hide_env_values_set() {
        return Some(format!("--{name} hidden"));
    }
    let values = matches.get_raw(arg.get_id().as_str())?.map(OsStr::to_string_lossy);
    Some(values.map(|value| format!("--{name} {value}")).collect::<Vec<_>>().join(" "))
}

/// Whether an option can be in the file: all but those about the command line itself.
fn is_setting(arg: &Arg) -> bool {
    !matches!(arg.get_long(), None | Some("help" | "version" | OPTION | POOL | ROUTE))
}

/// A value as the command line has it.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The file that `--config FILE` names; the last one counts.
fn named(args: &[OsString]) -> Option<OsString> {
    let option = format!("--{OPTION}");
    let mut found = None;
    for (index, arg) in args.iter().enumerate() {
        let text = arg.to_string_lossy();
        if text == option {
            found = args.get(index + 1).cloned();
        } else if let Some(path) = text.strip_prefix(&format!("{option}=")) {
            found = Some(path.into());
        }
    }
    found
}

fn file_error(path: &Path, problem: &str) -> CliError {
    CliError::new(ExitKind::Usage, format!("{}: {problem}", path.display()))
}
