//! One case, rendered by both.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::cache::Cache;
use crate::differences::{self, Difference};
use crate::discover::Case;
use crate::explained;
use crate::ours;
use crate::real::{self, Tools};

/// What came of rendering a case twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same bytes.
    Same,
    /// The same, but for what differs between two runs of theirs.
    SameButForChance,
    /// Both rendered it, and the outputs part here.
    Differs(Difference),
    /// Two runs of theirs differ too much to compare with.
    NotDeterministic(String),
    /// Only they rendered it; this is our error.
    WeFail(String),
    /// Our process died of it.
    WeCrash(String),
    /// We took too long.
    WeTimeOut,
    /// Only we rendered it, and nobody has said why that is right; this is their error.
    TheyFail(String),
    /// Only we rendered it, as we should; this is their error, and why.
    TheyFailExplained(String, &'static str),
    /// They took too long, so that nobody knows whether we are right.
    TheyTimeOut,
    /// Neither rendered it; their error and ours.
    BothFail(String, String),
}

impl Verdict {
    /// Whether we gave something else than what the real tool gives, or something where it gives nothing, and nobody has
    /// said why.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Differs(_) | Self::WeFail(_) | Self::WeCrash(_) | Self::WeTimeOut => true,
            Self::TheyFail(_) | Self::TheyTimeOut => true,
            Self::Same | Self::SameButForChance | Self::NotDeterministic(_) => false,
            Self::TheyFailExplained(..) | Self::BothFail(..) => false,
        }
    }
}

/// A case and what came of it.
pub struct Comparison {
    /// The case.
    pub case: Case,
    /// What came of it.
    pub verdict: Verdict,
    /// Their time, with the start of their process.
    pub theirs: Duration,
    /// Our time, without.
    pub ours: Option<Duration>,
    /// Where the two outputs were written, if they differ: the file names end in `.theirs` and `.ours`.
    pub outputs: Option<PathBuf>,
}

/// What comparisons need: the tools, and room on disk.
pub struct Workplace {
    tools: Tools,
    cache: Cache,
    differing: PathBuf,
}

impl Workplace {
    /// A workplace in the directory `target`.
    pub fn new(target: &Path) -> Result<Self> {
        fs::create_dir_all(target)?;
        let target = target.canonicalize()?;
        let differing = target.join("differences");
        fs::create_dir_all(&differing)?;
        Ok(Self { tools: Tools::new(target.join("home"))?, cache: Cache::new(target.join("answers"))?, differing })
    }

    /// Renders `case` with the real tool, or finds its answer, renders it ourselves, and compares.
    pub fn compare(&self, case: Case) -> Result<Comparison> {
        let theirs = self.cache.answer(&self.tools, &case, 1)?;
        let ours = ours::answer(&case, theirs.at)?;
        let time = match &ours {
            ours::Answer::Rendered(_, time) => Some(*time),
            _ => None,
        };
        let mut outputs = None;
        let verdict = match (&theirs.text, ours) {
            (Ok(theirs), ours::Answer::Rendered(ours, _)) => {
                let verdict = self.verdict(&case, theirs, &ours)?;
                if verdict.is_failure() {
                    outputs = Some(self.keep(&case, theirs, &ours)?);
                }
                verdict
            }
            (_, ours::Answer::Crash(complaint)) => Verdict::WeCrash(complaint),
            (_, ours::Answer::TimeOut) => Verdict::WeTimeOut,
            (Ok(_), ours::Answer::Error(error)) => Verdict::WeFail(error),
            (Err(real::Failure::TimeOut), _) => Verdict::TheyTimeOut,
            (Err(real::Failure::Error(error)), ours::Answer::Rendered(..)) => {
                match explained::reason(case.kind, error) {
                    Some(reason) => Verdict::TheyFailExplained(error.clone(), reason),
                    None => Verdict::TheyFail(error.clone()),
                }
            }
            (Err(real::Failure::Error(theirs)), ours::Answer::Error(ours)) => Verdict::BothFail(theirs.clone(), ours),
        };
        Ok(Comparison { case, verdict, theirs: theirs.time, ours: time, outputs })
    }

    fn verdict(&self, case: &Case, theirs: &str, ours: &str) -> Result<Verdict> {
        let Some(difference) = differences::first(theirs, ours) else { return Ok(Verdict::Same) };
        let again = self.cache.answer(&self.tools, case, 2)?;
        Ok(match again.text {
            Ok(again) if again == theirs => Verdict::Differs(difference),
            Ok(again) => match differences::masked(theirs, &again, ours) {
                Ok(None) => Verdict::SameButForChance,
                Ok(Some(difference)) => Verdict::Differs(difference),
                Err(reason) => Verdict::NotDeterministic(reason),
            },
            Err(_) => Verdict::NotDeterministic("the second of two runs of theirs fails".to_owned()),
        })
    }

    fn keep(&self, case: &Case, theirs: &str, ours: &str) -> Result<PathBuf> {
        let file = self.differing.join(case.name.replace(['/', ' '], "+"));
        let named = |end: &str| PathBuf::from(format!("{}.{end}", file.display()));
        fs::write(named("theirs"), theirs)?;
        fs::write(named("ours"), ours)?;
        Ok(file)
    }
}
