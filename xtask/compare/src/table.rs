//! The table of a comparison, and the list of what is not the same.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::comparison::{Comparison, Verdict};
use crate::discover::Kind;

/// How much of an error or a line is shown.
const WIDTH: usize = 300;

/// The verdicts, as columns.
const COLUMNS: [&str; 11] = [
    "same",
    "but for chance",
    "differs",
    "chance",
    "we fail",
    "we crash",
    "we time out",
    "they fail",
    "explained",
    "they time out",
    "both fail",
];

fn column(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Same => 0,
        Verdict::SameButForChance => 1,
        Verdict::Differs(_) => 2,
        Verdict::NotDeterministic(_) => 3,
        Verdict::WeFail(_) => 4,
        Verdict::WeCrash(_) => 5,
        Verdict::WeTimeOut => 6,
        Verdict::TheyFail(_) => 7,
        Verdict::TheyFailExplained(..) => 8,
        Verdict::TheyTimeOut => 9,
        Verdict::BothFail(..) => 10,
    }
}

/// The whole report; `shown` differences with the lines around them, and on demand the errors of what neither renders.
pub fn render(results: &[Comparison], shown: usize, failures: bool) -> String {
    let mut text = String::new();
    for result in results {
        if let Some(line) = explain(&result.verdict) {
            let _ = writeln!(text, "{}: {}: {line}", name(result), COLUMNS[column(&result.verdict)]);
        }
    }
    for result in results.iter().filter(|_| failures) {
        if let Verdict::BothFail(theirs, ours) = &result.verdict {
            let _ = writeln!(text, "{}: both fail: theirs: {}; ours: {}", name(result), short(theirs), short(ours));
        }
    }
    for result in results.iter().filter(|result| result.outputs.is_some()).take(shown) {
        let _ = write!(text, "\n{}", surroundings(result));
    }
    for kind in [Kind::Kustomize, Kind::Helm] {
        let of_kind: Vec<&Comparison> = results.iter().filter(|result| result.case.kind == kind).collect();
        if !of_kind.is_empty() {
            let _ = write!(text, "\n{}", counts(kind, &of_kind));
        }
    }
    text
}

fn name(result: &Comparison) -> String {
    match result.case.kind {
        Kind::Kustomize => format!("kustomize {}", result.case.name),
        Kind::Helm => format!("helm {}", result.case.name),
    }
}

/// One line on what is not the same; nothing where nobody could do better.
fn explain(verdict: &Verdict) -> Option<String> {
    Some(match verdict {
        Verdict::Differs(difference) => {
            let side =
                |line: &Option<String>| line.as_ref().map_or("the end".to_owned(), |line| format!("`{}`", short(line)));
            format!(
                "line {} ({}): theirs {}, ours {}",
                difference.line,
                difference.object,
                side(&difference.theirs),
                side(&difference.ours)
            )
        }
        Verdict::NotDeterministic(reason) | Verdict::WeFail(reason) | Verdict::WeCrash(reason) => short(reason),
        Verdict::TheyFail(error) => short(error),
        Verdict::TheyFailExplained(error, reason) => format!("only they refuse it, since {reason}: {}", short(error)),
        Verdict::WeTimeOut | Verdict::TheyTimeOut => "no answer".to_owned(),
        Verdict::Same | Verdict::SameButForChance | Verdict::BothFail(..) => return None,
    })
}

/// One line of what may be many, without warnings, and without the middle of what is long.
fn short(text: &str) -> String {
    let is_warning = |line: &&str| line.starts_with("# Warning") || line.starts_with("level=");
    let lines: Vec<&str> = text.trim_end().lines().filter(|line| !is_warning(line)).collect();
    let line: Vec<char> = lines.join(" ⏎ ").chars().collect();
    if line.len() <= WIDTH {
        return line.iter().collect();
    }
    let (head, tail) = (line.iter().take(WIDTH / 2), line.iter().skip(line.len() - WIDTH / 2));
    head.chain(['…'].iter()).chain(tail).collect()
}

/// The lines around a difference, theirs and ours.
fn surroundings(result: &Comparison) -> String {
    let (Verdict::Differs(difference), Some(file)) = (&result.verdict, &result.outputs) else { return String::new() };
    let mut text = format!(
        "{} line {} ({}); whole: {}.{{theirs,ours}}\n",
        name(result),
        difference.line,
        difference.object,
        file.display()
    );
    for (side, sign) in [("theirs", '-'), ("ours", '+')] {
        let output = std::fs::read_to_string(format!("{}.{side}", file.display())).unwrap_or_default();
        for line in output.lines().skip(difference.line.saturating_sub(4)).take(8) {
            let _ = writeln!(text, "{sign} {}", short(line));
        }
    }
    text
}

/// A table with a line per corpus, and what it took.
fn counts(kind: Kind, results: &[&Comparison]) -> String {
    let mut corpora: BTreeMap<&str, [usize; COLUMNS.len()]> = BTreeMap::new();
    let mut total = [0; COLUMNS.len()];
    for result in results {
        let column = column(&result.verdict);
        corpora.entry(&result.case.corpus).or_default()[column] += 1;
        total[column] += 1;
    }
    let used: Vec<usize> = (0..COLUMNS.len()).filter(|column| total[*column] > 0).collect();
    let head = match kind {
        Kind::Kustomize => "kustomizations",
        Kind::Helm => "charts",
    };
    let width = corpora.keys().map(|corpus| corpus.len()).max().unwrap_or_default().max(head.len());
    let mut text = format!("{head:width$}   all");
    used.iter().for_each(|column| text += &format!("  {}", COLUMNS[*column]));
    for (corpus, counts) in corpora.iter().map(|(corpus, counts)| (*corpus, counts)).chain([("total", &total)]) {
        let _ = write!(text, "\n{corpus:width$}  {:4}", counts.iter().sum::<usize>());
        for column in &used {
            let _ = write!(text, "  {:>1$}", counts[*column], COLUMNS[*column].len());
        }
    }
    text.push('\n');
    text + &times(results)
}

/// What rendering took, where both rendered.
fn times(results: &[&Comparison]) -> String {
    let both: Vec<(Duration, Duration)> = results
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::Same | Verdict::SameButForChance | Verdict::Differs(_)))
        .filter_map(|result| Some((result.theirs, result.ours?)))
        .collect();
    let mut ratios: Vec<f64> =
        both.iter().map(|(theirs, ours)| theirs.as_secs_f64() / ours.as_secs_f64().max(1e-6)).collect();
    ratios.sort_by(f64::total_cmp);
    let Some(median) = ratios.get(ratios.len() / 2) else { return String::new() };
    let sum = |side: fn(&(Duration, Duration)) -> Duration| both.iter().map(side).sum::<Duration>().as_secs_f64();
    format!(
        "{} rendered by both: theirs {:.1} s with the start of each process, ours {:.2} s; median ratio {median:.0}\n",
        both.len(),
        sum(|(theirs, _)| *theirs),
        sum(|(_, ours)| *ours),
    )
}
