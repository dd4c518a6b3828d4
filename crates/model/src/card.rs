//! A model card (`README.md` beside the weights): what the model can do, for people and for the app.
//!
//! The app shows the card's first paragraph and offers the questions under `widget:` in its front matter, which is
//! where Hugging Face's cards keep their example inputs.

/// What the app needs of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelCard {
    /// The first paragraph of the text.
    pub description: String,
    /// Questions that the model answers well.
    pub examples: Vec<String>,
}

impl ModelCard {
    /// Reads the text of a `README.md`. Anything that is not there is empty.
    pub fn parse(text: &str) -> ModelCard {
        let (front_matter, body) = match text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")) {
            Some((front_matter, body)) => (front_matter, body),
            None => ("", text),
        };
        let examples = front_matter
            .lines()
            .skip_while(|line| line.trim_end() != "widget:")
            .skip(1)
            .take_while(|line| line.starts_with([' ', '-']))
            .filter_map(|line| line.trim_start().strip_prefix("- text:"))
            .map(|value| value.trim().trim_matches('"').to_owned())
            .collect();
        let is_text = |block: &&str| !block.trim().is_empty() && !block.trim_start().starts_with('#');
        let description = body.split("\n\n").find(is_text).unwrap_or_default();
        ModelCard { description: description.split_whitespace().collect::<Vec<_>>().join(" "), examples }
    }
}

#[cfg(test)]
mod tests {
    //! Front matter and text.

    use super::*;

    #[test]
    fn examples_come_from_the_front_matter_and_the_description_from_the_text() {
        let text = "---\nlicense: mit\nwidget:\n- text: \"What is 2 + 3?\"\n- text: 4 * 5\ntags: [a]\n---\n# mini\n\nA small\nmodel.\n\nMore.\n";
        let card = ModelCard::parse(text);
        assert_eq!(card.examples, ["What is 2 + 3?", "4 * 5"]);
        assert_eq!(card.description, "A small model.");
        assert_eq!(ModelCard::parse("").examples, Vec::<String>::new());
    }
}
