//! `owtify` gives the URLs that the shared vectors say.

mod vectors;

use std::time::Duration;

use owt_core::envelope::DEFAULT_FN_NAME;
use owt_core::kwargs::to_kwargs_text;
use owt_core::{Code, Envelope, OwtifyError, owtify};
use vectors::{Outcome, Vector};

fn envelope(vector: &Vector) -> Result<Envelope, OwtifyError> {
    let options = &vector.options;
    Ok(Envelope {
        kwargs: to_kwargs_text(&vector.kwargs)?,
        fn_name: options.fn_name.clone().unwrap_or_else(|| DEFAULT_FN_NAME.to_owned()),
        use_cache: options.use_cache,
        cache_kwargs: options.cache_kwargs,
        cache_key_override: options.cache_key_override.clone(),
        timeout: options.timeout.map(Duration::from_secs_f64),
        reload: options.reload,
        ..Envelope::new(Code::source(&vector.source()))
    })
}

fn outcome(vector: &Vector, url: Result<String, OwtifyError>) -> Outcome {
    match url {
        Ok(url) => vector.measured(url),
        Err(err) => Outcome::Error { code: err.code().to_owned(), message: err.to_string() },
    }
}

#[test]
fn an_envelope_gives_the_url_of_every_vector() {
    for vector in Vector::all() {
        let url = envelope(&vector).and_then(|envelope| envelope.to_url(&vector.base));
        assert_eq!(outcome(&vector, url), vector.expected(), "{}", vector.name);
    }
}

#[test]
fn owtify_gives_the_url_of_every_vector_without_options() {
    let plain = |vector: &Vector| envelope(vector).is_ok_and(|made| made == bare(vector));
    let vectors: Vec<_> = Vector::all().into_iter().filter(plain).collect();
    assert!(vectors.len() > 80, "{} vectors have no options", vectors.len());
    for vector in vectors {
        let url = owtify(&vector.base, &vector.source(), &vector.kwargs);
        assert_eq!(outcome(&vector, url), vector.expected(), "{}", vector.name);
    }
}

/// What `owtify` makes of a vector's code and arguments.
fn bare(vector: &Vector) -> Envelope {
    let kwargs = to_kwargs_text(&vector.kwargs).ok().flatten();
    Envelope { kwargs, ..Envelope::new(Code::source(&vector.source())) }
}

#[test]
fn a_server_reads_from_every_url_what_the_vector_says() {
    for vector in Vector::all() {
        let Ok(envelope) = envelope(&vector) else { continue };
        let Ok(url) = envelope.to_url(&vector.base) else { continue };
        let (_, query) = url.split_once('?').expect("the URL has a query");
        assert_eq!(Envelope::from_query(query).unwrap(), Some(envelope), "{}", vector.name);
    }
}
