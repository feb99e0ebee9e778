//! A pool as `--pool` takes it, `NAME:key=value,key=value`, and as a table of `owt.toml` has it.

use std::ops::RangeInclusive;

use owt_server::{Cuda, PoolConfig};

use crate::args::value;

/// The keys of a pool, but for its variables.
const KEYS: [&str; 12] = [
    "workers",
    "threads",
    "queue",
    "max-rss",
    "max-age",
    "max-calls",
    "python",
    "cuda",
    "slots",
    "idle",
    "replicas",
    "nice",
];

/// What begins the key of a variable.
const VARIABLE: &str = "env.";

/// What separates keys; behind a backslash it is part of a value, and so is a backslash.
const SEPARATOR: char = ',';
const ESCAPE: char = '\\';

/// Reads the settings of one pool.
pub(super) fn pool(text: &str) -> Result<PoolConfig, String> {
    let (name, keys) = text.split_once(':').unwrap_or((text, ""));
    let name = name.parse().map_err(|err| format!("{err}; write NAME:key=value,key=value"))?;
    let mut pool = PoolConfig { name, text: text.to_owned(), ..PoolConfig::default() };
    for setting in split(keys).iter().filter(|setting| !setting.is_empty()) {
        let (key, value) =
            setting.split_once('=').ok_or_else(|| format!("write {setting}=VALUE"))?;
        set(&mut pool, key.trim(), value.trim())?;
    }
    match (pool.replicas, pool.workers) {
        (Some(replicas), Some(workers)) if replicas > workers => {
            Err(format!("replicas={replicas} needs as many workers, and there are {workers}"))
        }
        _ => Ok(pool),
    }
}

/// The text of a pool with these keys, as [`pool`] reads it.
pub(crate) fn to_text(name: &str, keys: &[(String, String)]) -> String {
    let escaped = |value: &str| {
        value.chars().fold(String::new(), |mut text, c| {
            if matches!(c, SEPARATOR | ESCAPE) {
                text.push(ESCAPE);
            }
            text.push(c);
            text
        })
    };
    let keys = keys.iter().map(|(key, value)| format!("{key}={}", escaped(value)));
    format!("{name}:{}", keys.collect::<Vec<_>>().join(","))
}

/// The settings between separators, without what escapes them.
fn split(text: &str) -> Vec<String> {
    let (mut settings, mut chars) = (vec![String::new()], text.chars());
    while let Some(c) = chars.next() {
        let setting = settings.last_mut().expect("there is one from the start");
        match c {
            ESCAPE => setting.extend(chars.next()),
            SEPARATOR => settings.push(String::new()),
            c => setting.push(c),
        }
    }
    settings
}

fn set(pool: &mut PoolConfig, key: &str, value: &str) -> Result<(), String> {
    if let Some(name) = key.strip_prefix(VARIABLE) {
        if name.is_empty() || name.contains('=') || value.contains('\0') {
            return Err(format!("{key} is no variable; write env.NAME=VALUE"));
        }
        pool.variables.push((name.to_owned(), value.to_owned()));
        return Ok(());
    }
    if !KEYS.contains(&key) {
        return Err(unknown(key));
    }
    set_key(pool, key, value).map_err(|problem| format!("{key}={value}: {problem}"))
}

/// Sets one of the [`KEYS`], or says what it takes.
fn set_key(pool: &mut PoolConfig, key: &str, text: &str) -> Result<(), String> {
    match key {
        "workers" => pool.workers = Some(count(text)?),
        "threads" => pool.threads = Some(count(text)?),
        "queue" => pool.queue = Some(number(text, 0..=u32::MAX)? as usize),
        "max-rss" => pool.max_rss = Some(value::bytes(text)?),
        "max-age" => pool.max_age = Some(value::lifetime(text)?),
        "max-calls" => pool.max_calls = Some(count(text)? as u64),
        "python" => pool.python = Some(text.into()),
        "cuda" => pool.cuda = cuda(text)?,
        "slots" => pool.slots = Some(count(text)?),
        "idle" => pool.idle = Some(value::lifetime(text)?),
        "replicas" => pool.replicas = Some(count(text)?),
        _ => pool.nice = Some(nice(text)?),
    }
    Ok(())
}

/// The sentence that there is no such key.
fn unknown(key: &str) -> String {
    let names = KEYS.into_iter().chain(["env.NAME"]);
    let like = |name: &&str| (strsim::jaro_winkler(name, key) * 1e6) as u64;
    let nearest = names.clone().max_by_key(like).unwrap_or_default();
    let all: Vec<_> = names.collect();
    format!("a pool has no key {key:?}; did you mean {nearest}? There are {}", all.join(", "))
}

fn count(value: &str) -> Result<usize, String> {
    number(value, 1..=u32::MAX).map(|number| number as usize)
}

fn number(value: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("give a whole number, {} at least", range.start()))
}

fn nice(value: &str) -> Result<i32, String> {
    let nice = value.parse().ok().filter(|nice| (-20..=19).contains(nice));
    nice.ok_or_else(|| "give a number from -20 to 19".to_owned())
}

/// `none`, `each`, or indices and UUIDs with `+` between them.
fn cuda(value: &str) -> Result<Cuda, String> {
    let is_device = |device: &&str| {
        device.parse::<u16>().is_ok()
            || ["GPU-", "MIG-"].iter().any(|kind| device.starts_with(kind))
    };
    match value {
        "all" => Ok(Cuda::All),
        "none" => Ok(Cuda::None),
        "each" => Ok(Cuda::Each),
        devices => {
            let devices: Vec<&str> = devices.split('+').map(str::trim).collect();
            match devices.iter().all(is_device) {
                true => Ok(Cuda::These(devices.into_iter().map(str::to_owned).collect())),
                false => Err("give none, each, all, indices such as 0 or 0+1, or UUIDs".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn named(name: &str) -> PoolConfig {
        PoolConfig { name: name.parse().unwrap(), ..PoolConfig::default() }
    }

    #[test]
    fn a_pool_has_every_key() {
        let text = "gpu:workers=2,threads=3,queue=0,max-rss=8G,max-age=1h,max-calls=9,python=.venv-tts,\
                    cuda=0+GPU-ab,slots=1,idle=10m,replicas=2,nice=-5,env.A=b=c,env.LIST=x\\,y\\\\";
        let expected = PoolConfig {
            text: text.to_owned(),
            workers: Some(2),
            threads: Some(3),
            queue: Some(0),
            max_rss: Some(8 << 30),
            max_age: Some(Duration::from_secs(3600)),
            max_calls: Some(9),
            python: Some(".venv-tts".into()),
            variables: vec![
                ("A".to_owned(), "b=c".to_owned()),
                ("LIST".to_owned(), "x,y\\".to_owned()),
            ],
            cuda: Cuda::These(vec!["0".to_owned(), "GPU-ab".to_owned()]),
            slots: Some(1),
            idle: Some(Duration::from_secs(600)),
            replicas: Some(2),
            nice: Some(-5),
            ..named("gpu")
        };
        assert_eq!(pool(text), Ok(expected));
    }

    #[rstest]
    #[case("gpu")]
    #[case("gpu:")]
    fn a_pool_may_be_as_the_server_is(#[case] text: &str) {
        assert_eq!(pool(text), Ok(PoolConfig { text: text.to_owned(), ..named("gpu") }));
    }

    #[rstest]
    #[case("cuda=none", Cuda::None)]
    #[case("cuda=each", Cuda::Each)]
    #[case("cuda=all", Cuda::All)]
    #[case("cuda=3", Cuda::These(vec!["3".to_owned()]))]
    fn gpus_are_named(#[case] keys: &str, #[case] cuda: Cuda) {
        assert_eq!(pool(&format!("gpu:{keys}")).unwrap().cuda, cuda);
    }

    #[rstest]
    #[case("", "the name of a pool has letters, digits, - and _; write NAME:key=value,key=value")]
    #[case(
        "a b:",
        "the name of a pool has letters, digits, - and _; write NAME:key=value,key=value"
    )]
    #[case("a:workers", "write workers=VALUE")]
    #[case("a:workers=0", "workers=0: give a whole number, 1 at least")]
    #[case("a:workers=many", "workers=many: give a whole number, 1 at least")]
    #[case("a:max-rss=big", "max-rss=big: give a number of bytes, such as 512, 64K, 256M or 1G")]
    #[case("a:idle=0", "idle=0: give a length of time such as 90s, 30m, 1h or 7d")]
    #[case("a:nice=20", "nice=20: give a number from -20 to 19")]
    #[case("a:cuda=gpu0", "cuda=gpu0: give none, each, all, indices such as 0 or 0+1, or UUIDs")]
    #[case("a:workers=1,replicas=2", "replicas=2 needs as many workers, and there are 1")]
    #[case("a:env.=x", "env. is no variable; write env.NAME=VALUE")]
    #[case(
        "a:worker=1",
        "a pool has no key \"worker\"; did you mean workers? There are workers, threads, queue, max-rss, \
         max-age, max-calls, python, cuda, slots, idle, replicas, nice, env.NAME"
    )]
    fn what_is_no_pool_is_refused_in_a_sentence(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(pool(text), Err(expected.to_owned()));
    }

    proptest! {
        #[test]
        fn any_variable_may_be_written(value in "[^\\x00]*") {
            let value = value.trim().to_owned();
            let text = to_text("a", &[("env.A".to_owned(), value.clone())]);
            prop_assert_eq!(pool(&text).unwrap().variables, [("A".to_owned(), value)]);
        }
    }
}
