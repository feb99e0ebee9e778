//! The options that set fields of the envelope, made from the list of fields in `owt-core`.

use std::time::Duration;

use clap::error::Error as ClapError;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use owt_core::{Envelope, Field, Kind, Value, ValueInvalid};

use super::value;
use crate::ui::{CliError, Failure};

/// All of them.
#[derive(Debug)]
pub(crate) struct FieldArgs(Vec<(Field, Value<'static>)>);

/// Those that matter to a call without a server: nothing is kept there, and all is loaded anew.
#[derive(Debug)]
pub(crate) struct LocalFieldArgs(FieldArgs);

const LOCAL: [Field; 2] = [Field::FnName, Field::Timeout];

impl FieldArgs {
    /// Adds these fields to what the adaptor and its arguments say.
    pub(crate) fn apply(self, mut envelope: Envelope) -> Result<Envelope, CliError> {
        for (field, value) in self.0 {
            envelope.set(field, value).map_err(|ValueInvalid(problem)| {
                CliError::new(Failure::Usage, format!("--{} {problem}", name(field)))
            })?;
        }
        Ok(envelope)
    }

    fn add_to(command: Command, fields: impl Iterator<Item = Field>) -> Command {
        command.args(fields.map(option))
    }

    fn read(matches: &ArgMatches, fields: impl Iterator<Item = Field>) -> FieldArgs {
        FieldArgs(fields.filter_map(|field| Some((field, given(matches, field)?))).collect())
    }
}

impl LocalFieldArgs {
    /// Adds these fields to what the adaptor and its arguments say.
    pub(crate) fn apply(self, envelope: Envelope) -> Result<Envelope, CliError> {
        self.0.apply(envelope)
    }
}

fn all() -> impl Iterator<Item = Field> {
    Field::ALL.iter().copied().filter(|field| field.is_option())
}

fn option(field: Field) -> Arg {
    let name = name(field);
    let arg = Arg::new(field.name()).help(field.doc()).help_heading("The call");
    let arg = match field.kind() {
        Kind::Flag => arg.action(ArgAction::SetTrue),
        Kind::Seconds => arg.value_name("SECONDS").value_parser(value::limit),
        _ => arg.value_name(name.rsplit('-').next().unwrap_or(&name).to_uppercase()),
    };
    let arg = match field {
        Field::CacheKwargs | Field::CacheKeyOverride => arg.requires(Field::UseCache.name()),
        _ => arg,
    };
    arg.long(name)
}

/// The option's name, without its dashes.
fn name(field: Field) -> String {
    match field {
        Field::CacheKeyOverride => "cache-key".to_owned(),
        field => field.name().replace('_', "-"),
    }
}

fn given(matches: &ArgMatches, field: Field) -> Option<Value<'static>> {
    let id = field.name();
    match field.kind() {
        Kind::Flag => matches.get_flag(id).then_some(Value::Flag(true)),
        Kind::Seconds => matches.get_one::<Duration>(id).copied().map(Value::Seconds),
        _ => matches.get_one::<String>(id).map(|text| Value::Text(text.clone().into())),
    }
}

/// Owt's words on a call, with our options in the place of the fields that they tell to set.
pub(crate) fn in_options(code: &str, sentence: &str) -> String {
    match code {
        "entry-missing" => sentence.replace("in fn_name.", "with --fn-name."),
        "deadline" => sentence.replace("the field timeout", "--timeout"),
        _ => sentence.to_owned(),
    }
}

impl Args for FieldArgs {
    fn augment_args(command: Command) -> Command {
        FieldArgs::add_to(command, all())
    }

    fn augment_args_for_update(command: Command) -> Command {
        FieldArgs::augment_args(command)
    }
}

impl FromArgMatches for FieldArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<FieldArgs, ClapError> {
        Ok(FieldArgs::read(matches, all()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), ClapError> {
        *self = FieldArgs::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for LocalFieldArgs {
    fn augment_args(command: Command) -> Command {
        FieldArgs::add_to(command, LOCAL.into_iter())
    }

    fn augment_args_for_update(command: Command) -> Command {
        LocalFieldArgs::augment_args(command)
    }
}

impl FromArgMatches for LocalFieldArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<LocalFieldArgs, ClapError> {
        Ok(LocalFieldArgs(FieldArgs::read(matches, LOCAL.into_iter())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), ClapError> {
        *self = LocalFieldArgs::from_arg_matches(matches)?;
        Ok(())
    }
}
