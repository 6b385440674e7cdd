//! The functions that templates may call: those of slim-sprig that give the same each time, and the Flux Operator's own.

use cowherd_helm::functions::{self, Context};
use cowherd_template::{Execution, Fault, Function, Functions, Type, Value};

use crate::{numbers, slug};

/// What slim-sprig has of sprig.
const OF_SPRIG: &[&str] = &[
    "adler32sum",
    "ago",
    "all",
    "any",
    "append",
    "atoi",
    "b32dec",
    "b32enc",
    "b64dec",
    "b64enc",
    "base",
    "cat",
    "ceil",
    "chunk",
    "clean",
    "coalesce",
    "compact",
    "concat",
    "contains",
    "deepEqual",
    "default",
    "dict",
    "dig",
    "dir",
    "duration",
    "durationRound",
    "empty",
    "ext",
    "first",
    "float64",
    "floor",
    "fromJson",
    "get",
    "has",
    "hasKey",
    "hasPrefix",
    "hasSuffix",
    "hello",
    "indent",
    "initial",
    "isAbs",
    "join",
    "keys",
    "kindIs",
    "kindOf",
    "last",
    "list",
    "lower",
    "maxf",
    "minf",
    "mustAppend",
    "mustChunk",
    "mustCompact",
    "mustDateModify",
    "mustFirst",
    "mustFromJson",
    "mustHas",
    "mustInitial",
    "mustLast",
    "mustPrepend",
    "mustPush",
    "mustRegexFind",
    "mustRegexFindAll",
    "mustRegexMatch",
    "mustRegexReplaceAll",
    "mustRegexReplaceAllLiteral",
    "mustRegexSplit",
    "mustRest",
    "mustReverse",
    "mustSlice",
    "mustToDate",
    "mustToJson",
    "mustToPrettyJson",
    "mustToRawJson",
    "mustUniq",
    "mustWithout",
    "must_date_modify",
    "nindent",
    "omit",
    "osBase",
    "osClean",
    "osDir",
    "osExt",
    "osIsAbs",
    "pick",
    "pluck",
    "plural",
    "prepend",
    "push",
    "quote",
    "randInt",
    "regexFind",
    "regexFindAll",
    "regexMatch",
    "regexQuoteMeta",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "regexSplit",
    "repeat",
    "replace",
    "rest",
    "reverse",
    "round",
    "seq",
    "set",
    "sha1sum",
    "sha256sum",
    "slice",
    "sortAlpha",
    "split",
    "splitList",
    "splitn",
    "squote",
    "substr",
    "ternary",
    "title",
    "toDate",
    "toDecimal",
    "toJson",
    "toPrettyJson",
    "toRawJson",
    "toString",
    "toStrings",
    "trim",
    "trimAll",
    "trimPrefix",
    "trimSuffix",
    "trimall",
    "trunc",
    "tuple",
    "typeIs",
    "typeIsLike",
    "typeOf",
    "uniq",
    "unixEpoch",
    "unset",
    "until",
    "untilStep",
    "upper",
    "urlJoin",
    "urlParse",
    "values",
    "without",
];

/// All functions. What [`Context::given`] has is what `inputs` gives.
pub(crate) fn functions<'c>() -> Functions<Context<'c>> {
    let of_sprig = functions::functions().filter(|function| OF_SPRIG.binary_search(&function.name).is_ok());
    let own = [
        Function::new("inputs", &[], |execution: &mut Execution<'_, Context<'c>>, _| {
            Ok(execution.context().given().clone())
        }),
        Function::new("slugify", &[Type::String], |_, given| Ok(Value::from(slug(&text(given))))),
        Function::new("fail", &[Type::String], |_, given| Err(Fault::from(text(given)))),
        Function::new("toYaml", &[Type::Any], |_, given| Ok(Value::from(yaml(given).unwrap_or_default()))),
        Function::new("mustToYaml", &[Type::Any], |_, given| yaml(given).map(Value::from).map_err(Fault::from)),
    ];
    // Of two of one name the last one counts.
    Functions::new(of_sprig.chain(numbers::functions()).chain(own))
}

/// The text that is the first argument.
fn text(given: &[Value]) -> String {
    match given.first() {
        Some(Value::String(text)) => text.to_str().into_owned(),
        _ => String::new(),
    }
}

/// The first argument as YAML, to the end of its last line, which Helm leaves out.
fn yaml(given: &[Value]) -> Result<String, String> {
    functions::to_yaml(given.first().unwrap_or(&Value::Nil)).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_and_known() {
        assert!(OF_SPRIG.is_sorted());
        let known = functions();
        let unknown: Vec<&&str> = OF_SPRIG.iter().filter(|name| known.get(name).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
