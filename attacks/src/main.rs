//! `cargo xtask attack`: attacks a release build, each attack once, or for as long as is asked.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cowherd_attacks::{ALL, Attack, Scale, play};

const USAGE: &str = "\
usage: cargo xtask attack [--list] [--only NAME]... [--for TIME] [--small] [--seed NUMBER]

Attacks the program: each attack once, on a control plane of its own, beside a bystander.

  --list          what attacks there are
  --only NAME     this attack; may be repeated, and be the beginning of names
  --for TIME      again and again in an order of chance, for so long: 90s, 30m, 4h
  --small         as in CI, instead of at the size at which they once succeeded
  --seed NUMBER   what chance follows from; printed at the start
";

/// What is played.
struct Arguments {
    program: PathBuf,
    attacks: Vec<&'static Attack>,
    time: Option<Duration>,
    scale: Scale,
    seed: u64,
}

fn main() -> Result<ExitCode> {
    let Some(Arguments { program, attacks, time, scale, seed }) = Arguments::read()? else {
        return Ok(ExitCode::SUCCESS);
    };
    let (began, mut random, mut broke) = (Instant::now(), fastrand::Rng::with_seed(seed), 0);
    eprintln!("chance follows from --seed {seed}");
    loop {
        let mut round = attacks.clone();
        if time.is_some() {
            random.shuffle(&mut round);
        }
        for attack in round {
            let report = play(&program, attack, scale, random.u64(..)).with_context(|| attack.name)?;
            println!("{report}");
            broke += usize::from(!report.held());
            if time.is_some_and(|time| began.elapsed() > time) {
                break;
            }
        }
        if time.is_none_or(|time| began.elapsed() > time) {
            break;
        }
    }
    if broke > 0 {
        eprintln!("{broke} succeeded; again with --seed {seed}");
    }
    Ok(if broke == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    /// `None` where there is nothing to play.
    fn read() -> Result<Option<Self>> {
        let mut words = std::env::args().skip(1);
        let program = std::path::absolute(words.next().context(USAGE)?)?;
        let (mut only, mut time, mut scale, mut seed) = (Vec::new(), None, Scale::Large, None);
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--list" => {
                    ALL.iter().for_each(|attack| println!("{:28} {}", attack.name, attack.about));
                    return Ok(None);
                }
                "--only" => only.push(value()?),
                "--for" => time = Some(duration(&value()?)?),
                "--seed" => seed = Some(value()?.parse().context("--seed needs a number")?),
                "--small" => scale = Scale::Small,
                _ => bail!(USAGE),
            }
        }
        let is_meant = |attack: &&Attack| only.is_empty() || only.iter().any(|name| attack.name.starts_with(name));
        let attacks: Vec<&Attack> = ALL.iter().copied().filter(is_meant).collect();
        ensure!(!attacks.is_empty(), "there is no attack {only:?}; --list shows all");
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        Ok(Some(Self { program, attacks, time, scale, seed }))
    }
}

/// `90s`, `30m`, `4h`.
fn duration(text: &str) -> Result<Duration> {
    let nanoseconds = cowherd_duration::parse(text).with_context(|| format!("{text:?}: say it as 90s, 30m or 4h"))?;
    let nanoseconds = u64::try_from(nanoseconds).with_context(|| format!("{text:?} is before the beginning"))?;
    Ok(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_everywhere_else() {
        for (text, seconds) in [("90s", 90.0), ("30m", 1800.0), ("1h30m", 5400.0), ("1.5h", 5400.0), ("250ms", 0.25)] {
            assert_eq!(duration(text).unwrap(), Duration::from_secs_f64(seconds), "{text}");
        }
        for text in ["", "90", "s", "-90s", "ninety", "90ü"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
