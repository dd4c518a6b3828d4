//! What goes out comes back, and a shared page runs nothing.

use super::*;

fn conversation() -> Conversation {
    let message = |id: &str, parent: Option<&str>, role, content: &str, samples| Message {
        id: id.into(),
        parent: parent.map(str::to_owned),
        role,
        created_at: 5,
        content: content.into(),
        model: if role == Role::Assistant { "mini".into() } else { String::new() },
        settings: Settings::default(),
        chosen: 0,
        files: Vec::new(),
        samples,
    };
    let sample = Sample {
        reasoning: "3 + 4\n## Question\n</details>".into(),
        content: "**7**\n\n## Answer (fake)\n\\## Question\n<script>alert(1)</script>".into(),
        ..Sample::default()
    };
    let mut question = message("a", None, Role::User, "3 + 4 <img src=x onerror=alert(1)>", Vec::new());
    question.files = vec![FileInfo {
        name: "\"><script>x</script>.csv".into(),
        n_bytes: 3,
        text: "1,2".into(),
        ..FileInfo::default()
    }];
    let messages = vec![
        question,
        message("b", Some("a"), Role::Assistant, "", vec![sample.clone(), sample]),
        message("c", Some("b"), Role::User, "and 5 + 6?", Vec::new()),
        message("d", None, Role::User, "another start", Vec::new()),
    ];
    let summary =
        Summary { id: "x".into(), title: "A </title><script>alert(1)</script>".into(), created_at: 1, updated_at: 2 };
    Conversation { summary, leaf: Some("c".into()), messages }
}

#[test]
fn json_brings_everything_back() {
    let store = Store::open(None).expect("a store");
    let taken = store.import("", read(as_json(vec![conversation()]).as_bytes()).expect("read")).expect("imported");
    let back = in_full(&store, "", &taken[0].id).expect("there");
    let texts = |c: &Conversation| -> Vec<_> {
        c.messages
            .iter()
            .map(|m| {
                (
                    m.role,
                    m.content.clone(),
                    m.samples.clone(),
                    m.files.iter().map(|f| f.text.clone()).collect::<Vec<_>>(),
                )
            })
            .collect()
    };
    assert_eq!(texts(&back), texts(&conversation()));
    assert_eq!(shown(&back).last().map(|m| m.content.as_str()), Some("and 5 + 6?"));
    assert_eq!((back.summary.created_at, back.summary.updated_at), (1, 2));
}

#[test]
fn what_comes_again_is_known_and_gets_what_it_lacks() {
    let store = Store::open(None).expect("a store");
    let named = |name: &str| format!("{:0>24}", name);
    let mut whole = conversation();
    for message in &mut whole.messages {
        message.id = named(&message.id);
        message.parent = message.parent.as_deref().map(named);
    }
    whole.leaf = whole.leaf.as_deref().map(named);
    let mut beginning = whole.clone();
    beginning.messages.truncate(2);
    let first = store.import("ann", vec![beginning]).expect("imported");
    store.rename("ann", &first[0].id, "A name of my own").expect("renamed");
    let again = store.import("ann", vec![whole.clone()]).expect("imported");
    assert_eq!((&again[0].id, again[0].was_here), (&first[0].id, true));
    assert!(store.import("ann", vec![whole.clone()]).expect("imported")[0].was_here);
    let merged = store.conversation("ann", &first[0].id).expect("there");
    assert_eq!(merged.messages.len(), whole.messages.len());
    assert_eq!((merged.leaf, merged.summary.title.as_str()), (whole.leaf.clone(), "A name of my own"));
    // Somebody else's import is their own, though the ids are taken.
    assert!(!store.import("bob", vec![whole]).expect("imported")[0].was_here);
    assert_eq!((store.list("ann", "").expect("listed").len(), store.list("bob", "").expect("listed").len()), (1, 1));
}

#[test]
fn markdown_brings_the_shown_path_back() {
    let conversation = conversation();
    let text = markdown::write(&conversation.summary.title, &shown(&conversation));
    let back = markdown::read(&text, 7).expect("read");
    assert_eq!(back.messages.len(), 3);
    assert_eq!(back.summary.title, conversation.summary.title);
    assert_eq!(back.messages[1].samples[0].reasoning, conversation.messages[1].samples[0].reasoning);
    assert_eq!(back.messages[1].samples[0].content, conversation.messages[1].samples[0].content);
    assert_eq!(back.messages[2].content, "and 5 + 6?");
    for wrong in
        ["# x\n", "# x\n\nhello\n", "# x\n\n## Answer (m)\n\n7\n", "# x\n\n## Question\n\na\n\n## Question\n\nb\n"]
    {
        assert!(markdown::read(wrong, 0).is_err(), "{wrong}");
    }
}

#[test]
fn a_shared_page_holds_no_markup_but_ours() {
    let conversation = conversation();
    let page = page::write(&conversation.summary.title, &shown(&conversation), "en");
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(
        page.contains("&lt;script&gt;") && page.contains("<strong>7</strong>") && page.contains("default-src 'none'")
    );
}

#[test]
fn imports_are_checked() {
    for wrong in [
        json!({"format": "other", "version": 1, "conversations": []}),
        json!({"format": FORMAT, "version": 9, "conversations": []}),
        json!({"format": FORMAT, "version": 1}),
        json!([]),
    ] {
        assert!(read(wrong.to_string().as_bytes()).is_err(), "{wrong}");
    }
    // A child before its parent, and two answers in a row.
    let store = Store::open(None).expect("a store");
    let mut broken = conversation();
    broken.messages.swap(0, 1);
    assert!(store.import("", vec![broken]).is_err());
    let mut broken = conversation();
    broken.messages[2].role = Role::Assistant;
    assert!(store.import("", vec![broken]).is_err());
    assert!(store.list("", "").expect("listed").is_empty());
}
