//! The store: trees, owners, search, and what a kill leaves.

use super::*;

fn question(store: &Store, conversation: &str, parent: Option<&str>, text: &str) -> String {
    store.add_question("", conversation, parent, text, &[]).expect("stored")
}

fn answer(store: &Store, conversation: &str, parent: &str, text: &str) -> String {
    let sample = Sample { content: text.into(), reasoning: "hm".into(), ..Sample::default() };
    let settings = Settings::default();
    let answer = NewAnswer { conversation, parent, model: "mini", settings: &settings, samples: vec![sample] };
    store.add_answer("", answer).expect("stored")
}

fn store() -> Store {
    Store::open(None).expect("a store in memory")
}

#[test]
fn edits_and_other_answers_are_siblings_and_the_latest_is_shown() {
    let store = store();
    let c = store.create("", "first").expect("created").id;
    let q1 = question(&store, &c, None, "first");
    let a1 = answer(&store, &c, &q1, "one");
    let a2 = answer(&store, &c, &q1, "two");
    let q2 = question(&store, &c, Some(&a1), "second");
    let edited = question(&store, &c, None, "first, edited");
    let found = store.conversation("", &c).expect("there");
    assert_eq!(found.leaf.as_deref(), Some(edited.as_str()));
    let parents: Vec<_> = found.messages.iter().map(|m| (m.id.as_str(), m.parent.as_deref())).collect();
    assert_eq!(parents, [(&*q1, None), (&*a1, Some(&*q1)), (&*a2, Some(&*q1)), (&*q2, Some(&*a1)), (&*edited, None)]);
    let path: Vec<_> = store.path_to("", &c, &q2).expect("a path").into_iter().map(|m| m.id).collect();
    assert_eq!(path, [q1.clone(), a1.clone(), q2.clone()]);
    store.show_path("", &c, &q2).expect("shown");
    assert_eq!(store.conversation("", &c).expect("there").leaf, Some(q2));
    // A question stands below an answer, an answer below a question.
    assert!(matches!(store.add_question("", &c, Some(&q1), "x", &[]), Err(StoreError::Invalid(_))));
    assert!(matches!(store.show_path("", &c, "elsewhere"), Err(StoreError::NotFound(_))));
}

#[test]
fn what_belongs_to_somebody_else_is_not_found() {
    let store = store();
    let c = store.create("anna", "a secret").expect("created").id;
    let q = store.add_question("anna", &c, None, "a secret", &[]).expect("stored");
    let file = store.add_file("anna", "a.txt", 1, "x").expect("kept").id;
    assert!(matches!(store.conversation("bob", &c), Err(StoreError::NotFound(_))));
    assert!(matches!(store.path_to("bob", &c, &q), Err(StoreError::NotFound(_))));
    assert!(matches!(store.rename("bob", &c, "x"), Err(StoreError::NotFound(_))));
    assert!(matches!(store.delete("bob", &c), Err(StoreError::NotFound(_))));
    assert!(matches!(store.add_question("bob", &c, None, "x", &[]), Err(StoreError::NotFound(_))));
    assert!(matches!(store.conversation_of("bob", &q), Err(StoreError::NotFound(_))));
    assert!(matches!(store.choose_sample("bob", &q, 0), Err(StoreError::NotFound(_))));
    assert!(matches!(store.files("bob", std::slice::from_ref(&file)), Err(StoreError::NotFound(_))));
    assert!(matches!(store.delete_file("bob", &file), Err(StoreError::NotFound(_))));
    assert!(store.list("bob", "").expect("listed").is_empty());
    store.delete_all("bob").expect("nothing to delete");
    assert_eq!(store.list("anna", "SECRET").expect("listed").len(), 1);
}

#[test]
fn search_reads_titles_questions_and_answers_literally() {
    let store = store();
    let c = store.create("", "about 100% of it").expect("created").id;
    let q = question(&store, &c, None, "about 100% of it");
    answer(&store, &c, &q, "das Ergebnis: 数学");
    for (search, n) in [("100%", 1), ("100_", 0), ("ergebnis", 1), ("数学", 1), ("\\", 0), ("", 1), ("hm", 0)] {
        assert_eq!(store.list("", search).expect("listed").len(), n, "{search}");
    }
}

#[test]
fn titles_are_one_line_and_cut_between_words() {
    let store = store();
    let title = |question: &str| store.create("", question).expect("created").title;
    assert_eq!(title("  What is\n3 + 4?\u{7}"), "What is 3 + 4?");
    assert_eq!(
        title("Please find the smallest prime that is larger than one million"),
        "Please find the smallest prime that is larger…"
    );
    assert_eq!(title(&"数".repeat(60)), format!("{}…", "数".repeat(48)));
    assert_eq!(title("\n"), "…");
    let c = store.create("", "x").expect("created").id;
    assert!(matches!(store.rename("", &c, " \n"), Err(StoreError::Invalid(_))));
}

#[test]
fn files_belong_to_a_question_and_an_edit_keeps_them() {
    let store = store();
    let c = store.create("", "x").expect("created").id;
    let file = store.add_file("", "data.csv", 12, "a,b\n1,2").expect("kept");
    let q = store.add_question("", &c, None, "sum?", std::slice::from_ref(&file.id)).expect("stored");
    let edited = store.add_question("", &c, None, "product?", std::slice::from_ref(&file.id)).expect("stored");
    let files = store.files_of(&[&q, &edited]).expect("read");
    assert_eq!(files[&q], files[&edited]);
    assert_eq!(files[&q][0].text, "a,b\n1,2");
    // What was sent is part of the conversation and ends with it.
    assert!(matches!(store.delete_file("", &file.id), Err(StoreError::NotFound(_))));
    store.delete("", &c).expect("deleted");
    assert!(matches!(store.files("", &[file.id]), Err(StoreError::NotFound(_))));
    assert!(matches!(store.add_question("", &c, None, "x", &["none".into()]), Err(StoreError::NotFound(_))));
}

#[test]
fn a_question_whose_file_is_missing_is_not_stored() {
    let store = store();
    let c = store.create("", "x").expect("created").id;
    assert!(matches!(store.add_question("", &c, None, "x", &["none".into()]), Err(StoreError::NotFound("file"))));
    assert!(store.conversation("", &c).expect("there").messages.is_empty());
}

#[test]
fn a_kill_loses_no_message_and_marks_the_running_answer() {
    let dir = std::env::temp_dir().join(format!("penseur-store-{}-{}", std::process::id(), new_id()));
    let store = Store::open(Some(&dir)).expect("opened");
    let c = store.create("", "first").expect("created").id;
    let q = question(&store, &c, None, "first");
    let a = answer(&store, &c, &q, "");
    let half = Sample { status: Status::Running, content: "half an ans".into(), ..Sample::default() };
    store.save_sample(&a, 0, &half).expect("saved");
    // What a process that is killed leaves: the files, as they are. The connection is not closed.
    let left = dir.join("left");
    std::fs::create_dir(&left).expect("made");
    for entry in std::fs::read_dir(&dir).expect("read").flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), left.join(entry.file_name())).expect("copied");
    }
    let reopened = Store::open(Some(&left)).expect("opened");
    let found = reopened.conversation("", &c).expect("there");
    assert_eq!(found.messages.len(), 2);
    assert_eq!(found.messages[1].samples[0].content, "half an ans");
    assert_eq!(found.messages[1].samples[0].status, Status::Interrupted);
    std::fs::remove_dir_all(&dir).expect("removed");
}

#[test]
fn a_store_of_a_later_version_is_left_alone() {
    let dir = std::env::temp_dir().join(format!("penseur-store-{}-{}", std::process::id(), new_id()));
    drop(Store::open(Some(&dir)).expect("opened"));
    let path = dir.join("conversations.sqlite3");
    Connection::open(&path).expect("opened").pragma_update(None, "user_version", 99).expect("set");
    let error = Store::open(Some(&dir)).err().expect("refused").to_string();
    assert!(error.contains("newer penseur") && error.contains("99"), "{error}");
    std::fs::remove_dir_all(&dir).expect("removed");
}

#[test]
fn a_first_question_that_fails_leaves_no_conversation() {
    let store = store();
    assert!(matches!(store.begin("", "x", &["none".into()]), Err(StoreError::NotFound("file"))));
    assert!(matches!(store.begin("", " ", &["none".into()]), Err(StoreError::NotFound("file"))));
    assert!(store.list("", "").expect("listed").is_empty());
    let file = store.add_file("", "data.csv", 12, "a,b").expect("kept");
    let (conversation, question) = store.begin("", " ", &[file.id]).expect("begun");
    let found = store.conversation("", &conversation).expect("there");
    assert_eq!((found.summary.title.as_str(), found.leaf.as_ref()), ("data.csv", Some(&question)));
}

#[test]
fn files_that_wait_are_few_and_each_owner_has_their_own() {
    let store = store();
    let text = "x".repeat(20 << 20);
    for _ in 0..3 {
        store.add_file("anna", "a.txt", 1, &text).expect("kept");
    }
    assert!(matches!(store.add_file("anna", "a.txt", 1, &text), Err(StoreError::TooManyFiles(3))), "64 MiB of text");
    let file = store.add_file("bob", "a.txt", 1, &text).expect("kept").id;
    let sent = store.add_file("anna", "a.txt", 1, "short").expect("kept").id;
    store.begin("anna", "what is in it?", &[sent]).expect("sent");
    for _ in 3..100 {
        store.add_file("anna", "a.txt", 1, "short").expect("kept");
    }
    assert!(matches!(store.add_file("anna", "a.txt", 1, "short"), Err(StoreError::TooManyFiles(100))));
    store.delete_file("bob", &file).expect("there");
}
