//! What somebody may have meant who mistyped a name.

/// How many names are offered.
const OFFERED: usize = 3;

/// The names that are nearest to `word`, the nearest first: letters that are missing, too many, wrong or swapped, one in three at
/// most.
pub fn names<'a>(word: &str, all: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    let distance = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    let mut near: Vec<(usize, &str)> = all.into_iter().map(|name| (distance(name), name)).collect();
    near.retain(|(distance, name)| *distance <= allowed && *distance < name.chars().count());
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(OFFERED).map(|(_, name)| name).collect()
}

/// `; did you mean apps?` Nothing where no name is near.
pub fn hint<'a>(word: &str, all: impl IntoIterator<Item = &'a str>) -> String {
    said(&names(word, all))
}

/// The same of names that are known to be near.
pub fn said(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_offered_and_nothing_else() {
        let all = ["kustomizations", "gitrepositories", "deployment", "prod", "dev"];
        for (word, near) in [
            ("kustomisations", &["kustomizations"][..]),
            ("deploymnt", &["deployment"]),
            ("prdo", &["prod"]),
            ("PROD", &["prod"]),
            ("de", &["dev"]),
            ("staging", &[]),
            ("", &[]),
        ] {
            assert_eq!(names(word, all), near, "{word}");
        }
        assert_eq!(hint("prdo", all), "; did you mean prod?");
        assert_eq!(hint("x", ["a", "b"]), "");
    }
}
