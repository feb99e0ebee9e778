//! The options of commands that make a call: `encode`, `call` and `run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use owt_client::Method;
use owt_client::header::{HeaderName, HeaderValue};
use owt_core::kwargs::{self, ArgError};
use owt_core::{Code, Envelope, FileName};

use super::value::{self, FormField};
use crate::input::{Input, cannot_read};
use crate::ui::{CliError, Failure};

const ARGUMENTS: &str = "\
Arguments of the adaptor:
  name:value, name=value    a value is JSON or a Python literal if it reads as one, and
                            text otherwise: n:3  flags:[1,2]  who:None  prompt:hello
  name:@FILE                the text of a file; - is standard input, @@ is an @
  \"{'n': 3}\", \"<'n': 3>\"    a whole dict, in Python or JSON";

const ENCODE_EXAMPLES: &str = "\
Examples:
  owt encode adaptor.py prompt:hello
  owt encode adaptor.py \"{'prompt': 'hello'}\" --format curl | sh
  echo 'lambda: 1 + 1' | owt encode - --url https://host/path";

const CALL_EXAMPLES: &str = "\
Examples:
  owt call adaptor.py prompt:hello n:3
  owt call adaptor.py text:@story.txt --output story.wav
  owt call adaptor.py --data @photo.jpg --header 'Content-Type: image/jpeg'
  owt call adaptor.py --form photo=@photo.jpg --form size=64
  owt call adaptor.py --url https://gpu-box:9876 --cacert ca.pem --auth me:secret";

const RUN_EXAMPLES: &str = "\
Examples:
  owt run adaptor.py prompt:hello n:3
  owt run adaptor.py --python .venv text:@story.txt > story.wav";

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENTS}\n\n{ENCODE_EXAMPLES}"))]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    pub(crate) adaptor: AdaptorArgs,

    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Url)]
    pub(crate) format: Format,

    /// The server, and the path that the adaptor sees
    #[arg(long, value_name = "BASE", env = "OWT_URL", default_value = "http://127.0.0.1:9876")]
    pub(crate) url: String,

    #[command(flatten)]
    pub(crate) fields: FieldArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A URL that makes the call
    Url,
    /// A curl command that makes the call
    Curl,
    /// A JSON body to send with POST
    Json,
    /// A query string, or the body of a form
    Query,
    /// A fetch() of JavaScript that makes the call
    Fetch,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENTS}\n\n{CALL_EXAMPLES}"))]
pub(crate) struct CallArgs {
    #[command(flatten)]
    pub(crate) adaptor: AdaptorArgs,

    /// The server, and the path that the adaptor sees
    #[arg(long, value_name = "BASE", env = "OWT_URL", default_value = "http://127.0.0.1:9876")]
    pub(crate) url: String,

    /// Who is calling
    #[arg(long, value_name = "USER:PASSWORD", env = "OWT_CLIENT_AUTH", hide_env_values = true)]
    #[arg(value_parser = value::login)]
    pub(crate) auth: Option<(String, String)>,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    /// Write the answer to a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) request: RequestArgs,

    /// A field of a multipart form, as 'name=text' or 'name=@FILE'; repeatable
    #[arg(short = 'F', long, value_name = "FIELD", value_parser = value::form_field)]
    #[arg(conflicts_with = "data", help_heading = "The request")]
    pub(crate) form: Vec<FormField>,

    #[command(flatten)]
    pub(crate) fields: FieldArgs,
}

/// Whom to trust when the server speaks HTTPS. The names are curl's.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Trust an https server that has one of these certificates, or one that they vouch for, instead
    /// of those that the system trusts; a PEM file
    #[arg(long, value_name = "FILE", env = "OWT_CACERT")]
    pub(crate) cacert: Option<PathBuf>,

    /// Take any certificate: whoever can get in between reads and answers the call
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENTS}\n\n{RUN_EXAMPLES}"))]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) adaptor: AdaptorArgs,

    /// The function to call
    #[arg(long, value_name = "NAME", default_value = "run")]
    pub(crate) fn_name: String,

    /// How long the call may run
    #[arg(long, value_name = "SECONDS", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,

    /// The interpreter, or the folder of a virtualenv, instead of the active one
    #[arg(long, value_name = "PATH", env = "OWT_PYTHON")]
    pub(crate) python: Option<PathBuf>,

    /// Write the answer to a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

/// What the adaptor sees of the request.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(crate) struct RequestArgs {
    /// The body; @FILE is a file's content, @- standard input
    #[arg(short, long, value_name = "BODY")]
    pub(crate) data: Option<String>,

    /// A header, as 'Name: value'; repeatable
    #[arg(short = 'H', long, value_name = "HEADER", value_parser = value::header)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,

    /// The method
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "POST")]
    pub(crate) method: Method,
}

/// The fields of the envelope besides code and arguments.
#[derive(Debug, Args)]
#[command(next_help_heading = "The call")]
pub(crate) struct FieldArgs {
    /// The function to call
    #[arg(long, value_name = "NAME", default_value = "run")]
    fn_name: String,

    /// How long the call may run
    #[arg(long, value_name = "SECONDS", value_parser = value::limit)]
    timeout: Option<Duration>,

    /// Keep the result, and take one that was kept
    #[arg(long)]
    use_cache: bool,

    /// Keep a result for each set of arguments
    #[arg(long, requires = "use_cache")]
    cache_kwargs: bool,

    /// Keep the result under this key alone
    #[arg(long, value_name = "KEY", requires = "use_cache")]
    cache_key: Option<String>,

    /// Load the adaptor anew, and those of its modules that lie where owt was started
    #[arg(long)]
    reload: bool,

    /// Send the code's digest, for a server that has the code
    #[arg(long)]
    digest: bool,
}

impl FieldArgs {
    /// Adds these fields to what the adaptor and its arguments say.
    pub(crate) fn apply(self, envelope: Envelope) -> Envelope {
        let code = match self.digest {
            true => Code::Known(envelope.code.digest()),
            false => envelope.code.clone(),
        };
        Envelope {
            code,
            fn_name: self.fn_name,
            use_cache: self.use_cache,
            cache_kwargs: self.cache_kwargs,
            cache_key_override: self.cache_key,
            timeout: self.timeout,
            reload: self.reload,
            ..envelope
        }
    }
}

/// An adaptor and its arguments.
#[derive(Debug, Args)]
pub(crate) struct AdaptorArgs {
    /// The adaptor; - is standard input
    file: String,

    /// Its arguments, explained below
    #[arg(value_name = "ARG")]
    args: Vec<String>,
}

impl AdaptorArgs {
    /// The envelope that has this code and these arguments.
    pub(crate) fn envelope(&self, input: &mut Input) -> Result<Envelope, CliError> {
        let source = input.text(&self.file).map_err(|err| cannot_read(&self.file, &err))?;
        let kwargs = kwargs::from_args(&self.args, |path| input.text(path))
            .map_err(|err| arg_error(&err))?;
        let name = FileName::new(&self.file);
        Ok(Envelope { kwargs, name, ..Envelope::new(Code::source(&source)) })
    }
}

fn arg_error(err: &ArgError) -> CliError {
    let failure = match err {
        ArgError::File { .. } => Failure::File,
        _ => Failure::Usage,
    };
    CliError::caused(failure, err).hint(err.hint())
}
