//! A pool as `--pool` takes it, `NAME:key=value,key=value`, and as a table of `owt.toml` has it.

use std::ops::RangeInclusive;

use owt_server::{Cuda, MemberSource, MembersConfig, PoolConfig, RayConfig, SecretSource};

use crate::args::value;

/// The keys of a pool, but for its variables.
const KEYS: [&str; 23] = [
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
    "members",
    "weight",
    "auth",
    "ca",
    "engine",
    "address",
    "num-gpus",
    "num-cpus",
    "resources",
    "runtime-env",
    "keep",
];

/// The keys of a pool whose calls other owts run; the others are about workers, which it has none of.
const KEYS_OF_MEMBERS: [&str; 5] = ["members", "weight", "auth", "ca", "replicas"];

/// The keys of a pool whose members Ray starts.
const KEYS_OF_RAY: [&str; 10] = [
    "engine",
    "members",
    "replicas",
    "address",
    "num-gpus",
    "num-cpus",
    "resources",
    "runtime-env",
    "keep",
    "workers",
];

/// What begins the key of a variable.
const VARIABLE: &str = "env.";

/// Keys of Ray's pools that others have as well.
const OTHERS_HAVE_TOO: [&str; 3] = ["members", "replicas", "workers"];

/// What separates keys; behind a backslash it is part of a value, and so is a backslash.
const SEPARATOR: char = ',';
const ESCAPE: char = '\\';

/// Reads the settings of one pool.
pub(super) fn pool(text: &str) -> Result<PoolConfig, String> {
    let (name, keys) = text.split_once(':').unwrap_or((text, ""));
    let name = name.parse().map_err(|err| format!("{err}; write NAME:key=value,key=value"))?;
    let mut pool = PoolConfig { name, text: text.to_owned(), ..PoolConfig::default() };
    let settings = split(keys);
    let mut pairs = Vec::new();
    for setting in settings.iter().filter(|setting| !setting.is_empty()) {
        let (key, value) =
            setting.split_once('=').ok_or_else(|| format!("write {setting}=VALUE"))?;
        pairs.push((key.trim(), value.trim()));
    }
    for (key, value) in &pairs {
        set(&mut pool, key, value)?;
    }
    pool.members = members(&pairs)?;
    match (pool.replicas, pool.workers) {
        (Some(replicas), Some(workers)) if replicas > workers => {
            Err(format!("replicas={replicas} needs as many workers, and there are {workers}"))
        }
        _ => Ok(pool),
    }
}

/// The other owts that run the calls of a pool, if it has such.
fn members(pairs: &[(&str, &str)]) -> Result<Option<MembersConfig>, String> {
    let get = |key: &str| pairs.iter().rfind(|(name, _)| *name == key).map(|(_, value)| *value);
    match get("engine") {
        Some("ray") => return ray(pairs, get).map(Some),
        Some(engine) => return Err(format!("engine={engine}: there is ray")),
        None => {}
    }
    let of_ray = KEYS_OF_RAY.into_iter().filter(|key| !OTHERS_HAVE_TOO.contains(key));
    if let Some(key) = of_ray.into_iter().find(|key| get(key).is_some()) {
        return Err(format!("{key} is for a pool with engine=ray"));
    }
    let Some(urls) = get("members") else {
        let lonely = ["weight", "auth", "ca"].into_iter().find(|key| get(key).is_some());
        return lonely.map_or(Ok(None), |key| Err(format!("{key} is for a pool with members=URL")));
    };
    if let Some((key, _)) = pairs.iter().find(|(key, _)| !KEYS_OF_MEMBERS.contains(key)) {
        return Err(format!("a pool with members has no workers of its own: leave out {key}"));
    }
    let weights = get("weight").map(weights).transpose()?;
    let source = MemberSource::parse(urls, weights.as_deref())
        .map_err(|problem| format!("members={urls}: {problem}"))?;
    let auth = get("auth").map(secret).transpose()?;
    Ok(Some(MembersConfig { source, auth, ca: get("ca").map(Into::into) }))
}

/// Members that Ray starts.
fn ray<'a>(
    pairs: &[(&str, &str)],
    get: impl Fn(&str) -> Option<&'a str>,
) -> Result<MembersConfig, String> {
    if let Some((key, _)) = pairs.iter().find(|(key, _)| !KEYS_OF_RAY.contains(key)) {
        return Err(format!("a pool of Ray has no {key}; it has {}", KEYS_OF_RAY.join(", ")));
    }
    let amount = |key: &str| get(key).map(|text| amount(key, text)).transpose();
    let config = RayConfig {
        address: get("address").unwrap_or("auto").to_owned(),
        members: match get("members").map(count) {
            Some(Ok(members)) => u32::try_from(members).unwrap_or(u32::MAX),
            _ => {
                return Err("give the number of members that Ray is to start: members=4".to_owned());
            }
        },
        num_gpus: amount("num-gpus")?.unwrap_or(0.0),
        num_cpus: amount("num-cpus")?,
        resources: get("resources").map(resources).transpose()?.unwrap_or_default(),
        runtime_env: get("runtime-env").map(Into::into),
        workers: get("workers").map(count).transpose()?,
        is_kept: match get("keep") {
            None | Some("false") => false,
            Some("true") => true,
            Some(text) => return Err(format!("keep={text}: give true or false")),
        },
    };
    Ok(MembersConfig { source: MemberSource::Ray(config), auth: None, ca: None })
}

/// A number that Ray counts resources by: whole, or a part of one.
fn amount(key: &str, text: &str) -> Result<f64, String> {
    let amount = text.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount >= 0.0);
    let amount = amount.filter(|amount| *amount < 1.0 || amount.fract() == 0.0);
    amount.ok_or_else(|| format!("{key}={text}: give a whole number, or a part of one such as 0.5"))
}

fn resources(text: &str) -> Result<Vec<(String, f64)>, String> {
    let resource = |text: &str| {
        let (name, number) = text.split_once(':')?;
        Some((name.trim().to_owned(), amount(name, number.trim()).ok()?))
    };
    let resources: Option<Vec<_>> = text.split('+').map(resource).collect();
    resources.ok_or_else(|| format!("resources={text}: give NAME:NUMBER, as in a100:1+disk:0.5"))
}

fn weights(text: &str) -> Result<Vec<u32>, String> {
    let weight = |text: &str| number(text.trim(), 1..=1000);
    let weights = text.split('+').map(weight).collect::<Result<_, _>>();
    weights.map_err(|_| format!("weight={text}: give whole numbers from 1 to 1000, as in 1+2"))
}

fn secret(text: &str) -> Result<SecretSource, String> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(SecretSource::Variable(name.to_owned())),
        Some(("file", path)) if !path.is_empty() => Ok(SecretSource::File(path.into())),
        // It is not repeated: it may be the secret itself.
        _ => Err("auth: give env:NAME or file:PATH, where user:password or a token is".to_owned()),
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
        // Read together, when all are there.
        "members" | "weight" | "auth" | "ca" | "engine" | "address" | "num-gpus" | "num-cpus"
        | "resources" | "runtime-env" | "keep" => {}
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

    #[test]
    fn a_pool_of_other_owts_has_its_own_keys() {
        let text =
            "gpu:members=http://a:1+http://b:2,weight=1+2,auth=env:SECRET,ca=ca.pem,replicas=2";
        let urls = [("http://a:1", 1), ("http://b:2", 2)];
        let urls = urls.map(|(url, weight)| (url.parse().unwrap(), weight)).to_vec();
        let expected = PoolConfig {
            text: text.to_owned(),
            replicas: Some(2),
            members: Some(MembersConfig {
                source: MemberSource::Urls(urls),
                auth: Some(SecretSource::Variable("SECRET".to_owned())),
                ca: Some("ca.pem".into()),
            }),
            ..named("gpu")
        };
        assert_eq!(pool(text), Ok(expected));
    }

    #[test]
    fn a_pool_of_ray_says_what_its_members_need() {
        let text = "gpu:engine=ray,address=head:6379,members=4,num-gpus=0.5,num-cpus=2,resources=a100:1+disk:0.5,\
                    runtime-env=env.json,keep=true,workers=2,replicas=2";
        let config = RayConfig {
            address: "head:6379".to_owned(),
            members: 4,
            num_gpus: 0.5,
            num_cpus: Some(2.0),
            resources: vec![("a100".to_owned(), 1.0), ("disk".to_owned(), 0.5)],
            runtime_env: Some("env.json".into()),
            workers: Some(2),
            is_kept: true,
        };
        let expected = PoolConfig {
            text: text.to_owned(),
            replicas: Some(2),
            workers: Some(2),
            members: Some(MembersConfig {
                source: MemberSource::Ray(config),
                auth: None,
                ca: None,
            }),
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
    #[case(
        "a:members=b",
        "members=b: give URLs of owts such as http://host:9876, or one such as dns://name:9876"
    )]
    #[case(
        "a:members=http://b,workers=1",
        "a pool with members has no workers of its own: leave out workers"
    )]
    #[case(
        "a:members=http://b,env.A=1",
        "a pool with members has no workers of its own: leave out env.A"
    )]
    #[case("a:members=http://b,weight=0", "weight=0: give whole numbers from 1 to 1000, as in 1+2")]
    #[case(
        "a:members=http://b,auth=secret",
        "auth: give env:NAME or file:PATH, where user:password or a token is"
    )]
    #[case("a:engine=slurm", "engine=slurm: there is ray")]
    #[case("a:engine=ray", "give the number of members that Ray is to start: members=4")]
    #[case(
        "a:engine=ray,members=http://a",
        "give the number of members that Ray is to start: members=4"
    )]
    #[case(
        "a:engine=ray,members=1,num-gpus=1.5",
        "num-gpus=1.5: give a whole number, or a part of one such as 0.5"
    )]
    #[case(
        "a:engine=ray,members=1,resources=a",
        "resources=a: give NAME:NUMBER, as in a100:1+disk:0.5"
    )]
    #[case("a:engine=ray,members=1,keep=1", "keep=1: give true or false")]
    #[case("a:num-gpus=1", "num-gpus is for a pool with engine=ray")]
    #[case("a:ca=ca.pem", "ca is for a pool with members=URL")]
    #[case("a:env.=x", "env. is no variable; write env.NAME=VALUE")]
    #[case(
        "a:worker=1",
        "a pool has no key \"worker\"; did you mean workers? There are workers, threads, queue, max-rss, \
         max-age, max-calls, python, cuda, slots, idle, replicas, nice, members, weight, auth, ca, engine, address, \
         num-gpus, num-cpus, resources, runtime-env, keep, env.NAME"
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
