//! `owtify` gives the URLs that the shared vectors say.

mod vectors;

use std::collections::HashSet;

use owt_core::kwargs::to_kwargs_text;
use owt_core::{Code, Envelope, Field, OwtifyError, owtify};
use vectors::{Outcome, Vector};

fn envelope(vector: &Vector) -> Result<Envelope, OwtifyError> {
    let kwargs = to_kwargs_text(&vector.kwargs)?;
    let mut envelope = Envelope { kwargs, ..Envelope::new(Code::source(&vector.source())) };
    for (field, value) in vector.options() {
        envelope.set(field, value).expect("an option has a value that its field takes");
    }
    Ok(envelope)
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

/// Each `owtify` is held to the vectors, so one that does not know a field fails there.
#[test]
fn every_option_is_in_a_vector() {
    let vectors = Vector::all();
    let given: HashSet<_> =
        vectors.iter().flat_map(Vector::options).map(|(field, _)| field.name()).collect();
    let options = Field::ALL.iter().filter(|field| field.is_option());
    assert_eq!(given, options.map(|field| field.name()).collect());
}
