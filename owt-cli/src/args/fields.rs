//! The options that set fields of the envelope, made from the list of fields in `owt-core`.

use std::time::Duration;

use clap::error::Error as ClapError;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use owt_core::{Envelope, Field, FieldKind, FieldValue, ValueInvalid};

use super::value;
use crate::ui::{CliError, ExitKind};

/// The values of these options.
#[derive(Debug)]
pub(crate) struct FieldArgs<const IS_LOCAL: bool = false>(Vec<(Field, FieldValue<'static>)>);

/// The options of a call without a server.
pub(crate) type LocalFieldArgs = FieldArgs<true>;

/// The fields that have an effect without a server: nothing is cached, and every adaptor is loaded anew.
const LOCAL: [Field; 2] = [Field::FnName, Field::Timeout];

impl<const IS_LOCAL: bool> FieldArgs<IS_LOCAL> {
    /// Sets these fields of an envelope.
    pub(crate) fn apply(self, mut envelope: Envelope) -> Result<Envelope, CliError> {
        for (field, value) in self.0 {
            envelope.set(field, value).map_err(|ValueInvalid(problem)| {
                CliError::new(ExitKind::Usage, format!("--{} {problem}", name(field)))
            })?;
        }
        Ok(envelope)
    }

    fn fields() -> impl Iterator<Item = Field> {
        let options = Field::ALL.iter().copied().filter(|field| field.is_option());
        options.filter(|field| !IS_LOCAL || LOCAL.contains(field))
    }
}

impl<const IS_LOCAL: bool> Args for FieldArgs<IS_LOCAL> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::fields().map(option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const IS_LOCAL: bool> FromArgMatches for FieldArgs<IS_LOCAL> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, ClapError> {
        let values = Self::fields().filter_map(|field| Some((field, given(matches, field)?)));
        Ok(FieldArgs(values.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), ClapError> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn option(field: Field) -> Arg {
    let name = name(field);
    let arg = Arg::new(field.name()).help(field.doc()).help_heading("The call");
    let arg = match field.kind() {
        FieldKind::Flag => arg.action(ArgAction::SetTrue),
        FieldKind::Seconds => arg.value_name("SECONDS").value_parser(value::limit),
        FieldKind::KeepAlive => arg.value_name("TIME").allow_negative_numbers(true),
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

fn given(matches: &ArgMatches, field: Field) -> Option<FieldValue<'static>> {
    let id = field.name();
    match field.kind() {
        FieldKind::Flag => matches.get_flag(id).then_some(FieldValue::Flag(true)),
        FieldKind::Seconds => matches.get_one::<Duration>(id).copied().map(FieldValue::Duration),
        _ => matches.get_one::<String>(id).map(|text| FieldValue::Text(text.clone().into())),
    }
}

/// A message of the server, in which fields that it tells to set are named as options.
pub(crate) fn with_option_names(code: &str, sentence: &str) -> String {
    match code {
        "entry-missing" => sentence.replace("in fn_name.", "with --fn-name."),
        "deadline" => sentence.replace("the field timeout", "--timeout"),
        _ => sentence.to_owned(),
    }
}
