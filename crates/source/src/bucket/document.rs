//! XML as servers of S3 write it: elements with text in them, and nothing else.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// How many elements may be inside each other.
const MAX_DEPTH: usize = 16;

/// Reads a document, and tells of each element as it ends: by which names it is reached, and the text that came since the last element
/// began or ended.
///
/// # Errors
/// What is wrong with the document, in words. Nothing in it is expanded: of entities there are those of characters alone.
pub(super) fn read(document: &[u8], mut ends: impl FnMut(&[String], &str) -> Result<(), String>) -> Result<(), String> {
    let document = std::str::from_utf8(document).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(document);
    let mut way: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut is_empty = true;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) => {
                if way.len() >= MAX_DEPTH {
                    return Err("its elements are too deep inside each other".to_owned());
                }
                way.push(element.local_name().as_ref().to_owned());
                text.clear();
                is_empty = false;
            }
            Event::Empty(element) => {
                way.push(element.local_name().as_ref().to_owned());
                ends(&way, "")?;
                way.pop();
                text.clear();
                is_empty = false;
            }
            Event::End(_) => {
                ends(&way, &text)?;
                way.pop();
                text.clear();
            }
            Event::Text(more) => text.push_str(&more.xml10_content()),
            Event::CData(more) => text.push_str(&more.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                Some(character) => text.push(character),
                None => {
                    let known = resolve_predefined_entity(&reference.xml10_content());
                    text.push_str(known.ok_or("it has an entity that is not known")?);
                }
            },
            Event::DocType(_) => return Err("it has a document type, which is not read".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match () {
        () if !way.is_empty() => Err("it ends inside of an element".to_owned()),
        () if is_empty => Err("it is empty".to_owned()),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn elements(document: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        read(document.as_bytes(), |way, text| {
            found.push(format!("{}={text}", way.join("/")));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn elements_and_their_texts_are_told() {
        let document = "<?xml version=\"1.0\"?><!-- x --><s:A xmlns:s=\"http://s3\"><B>a&amp;b&#10;&quot;</B><C/><D><![CDATA[<&]]></D></s:A>";
        assert_eq!(elements(document).unwrap(), ["A/B=a&b\n\"", "A/C=", "A/D=<&", "A="]);
    }

    #[test]
    fn what_is_no_such_document_is_refused() {
        let deep = "<A>".repeat(100_000);
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        for (document, cause) in [
            ("", "it is empty"),
            ("not xml", "it is empty"),
            ("<A>", "it ends inside of an element"),
            ("<A></B>", "expected `</A>`"),
            ("<A>&b;</A>", "an entity that is not known"),
            ("<A>&#0;</A>", ""),
            ("<A>&#xffffffff;</A>", ""),
            (bomb, "a document type"),
            (&deep, "too deep"),
        ] {
            let error = elements(document).unwrap_err();
            assert!(error.contains(cause), "{document:.40}: {error}");
        }
        assert_eq!(read(b"<A>\xff</A>", |_, _| Ok(())).unwrap_err(), "it is not UTF-8");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(parts in vec(prop_oneof![
            prop::sample::select(vec!["<A>", "</A>", "<A/>", "<", ">", "&", ";", "&amp;", "&#x", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>",
                "<!DOCTYPE", "\"", "=", "x"]).prop_map(|text| text.as_bytes().to_vec()),
            vec(any::<u8>(), 0..4),
        ], 0..30)) {
            let mut depth = 0;
            let _ = read(&parts.concat(), |way, _| {
                depth = depth.max(way.len());
                Ok(())
            });
            prop_assert!(depth <= MAX_DEPTH + 1);
        }
    }
}
