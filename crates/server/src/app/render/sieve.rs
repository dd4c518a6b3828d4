//! The one way out: HTML with nothing in it but the tags and attributes listed here.
//!
//! The renderer writes no other; this holds whatever it is fooled into. There is no script, style, form, picture, identifier
//! or event attribute, no `annotation-xml` and no `href` in MathML, and links lead to web and mail addresses alone.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use ammonia::{Builder, UrlRelative};

const TEXT_TAGS: &[&str] = &[
    "p",
    "br",
    "hr",
    "h3",
    "h4",
    "h5",
    "h6",
    "strong",
    "em",
    "del",
    "blockquote",
    "ul",
    "ol",
    "li",
    "a",
    "code",
    "pre",
    "span",
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
];
/// MathML Core, as far as our converter writes it.
const MATH_TAGS: &[&str] = &[
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "mtext",
    "mspace",
    "msup",
    "msub",
    "msubsup",
    "mfrac",
    "msqrt",
    "mroot",
    "munder",
    "mover",
    "munderover",
    "mtable",
    "mtr",
    "mtd",
    "mpadded",
    "mphantom",
    "mstyle",
    "merror",
    "mmultiscripts",
    "mprescripts",
];
const MATH_ATTRIBUTES: &[&str] = &[
    "display",
    "displaystyle",
    "scriptlevel",
    "stretchy",
    "fence",
    "form",
    "separator",
    "largeop",
    "movablelimits",
    "accent",
    "accentunder",
    "mathvariant",
    "linethickness",
    "width",
    "height",
    "depth",
    "lspace",
    "rspace",
    "voffset",
    "minsize",
    "maxsize",
    "symmetric",
];
const CLASSES: &[&str] = &["table", "code", "language", "formula", "boxed", "left", "right", "center"];
const CLASS_FAMILIES: &[&str] = &["hl-", "menv-", "language-"];

/// `html` with everything taken out that is not on the lists.
pub fn sift(html: &str) -> String {
    static SIEVE: OnceLock<Builder<'static>> = OnceLock::new();
    SIEVE.get_or_init(sieve).clean(html).to_string()
}

fn sieve() -> Builder<'static> {
    let mut attributes: HashMap<&str, HashSet<&str>> = HashMap::new();
    for tag in TEXT_TAGS {
        attributes.insert(tag, HashSet::from(["class"]));
    }
    for tag in MATH_TAGS {
        attributes.insert(tag, MATH_ATTRIBUTES.iter().copied().chain(["class"]).collect());
    }
    attributes.insert("a", HashSet::from(["href", "title"]));
    attributes.insert("ol", HashSet::from(["start"]));
    attributes.insert("div", HashSet::from(["class", "tabindex"]));
    let mut builder = Builder::empty();
    builder
        .tags(TEXT_TAGS.iter().chain(MATH_TAGS).copied().collect())
        .clean_content_tags(HashSet::from(["script", "style"]))
        .tag_attributes(attributes)
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(attribute);
    builder
}

fn attribute<'v>(_tag: &str, name: &str, value: &'v str) -> Option<Cow<'v, str>> {
    match name {
        "class" => {
            let allowed =
                |class: &&str| CLASSES.contains(class) || CLASS_FAMILIES.iter().any(|family| class.starts_with(family));
            let kept: Vec<&str> = value.split_ascii_whitespace().filter(allowed).collect();
            (!kept.is_empty()).then(|| Cow::Owned(kept.join(" ")))
        }
        "tabindex" => (value == "0").then_some(Cow::Borrowed(value)),
        _ => Some(Cow::Borrowed(value)),
    }
}
