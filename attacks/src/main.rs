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
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => bail!("{text:?} is no time; say it as 90s, 30m or 4h"),
    };
    Ok(Duration::from_secs(number.parse::<u64>()?.saturating_mul(seconds)))
}
