//! Every story can be told, and every level has several.

use super::*;

#[test]
fn every_story_is_complete() {
    for (idx, story) in STORIES.iter().enumerate() {
        assert!(STORIES[..idx].iter().all(|other| other.name != story.name), "{} comes twice", story.name);
        assert!((2..=4).contains(&story.steps.len()), "{} has {} steps", story.name, story.steps.len());
        let letters = ["{a}", "{b}", "{c}", "{d}"];
        for telling in story.tellings.iter().chain([&story.chinese]) {
            for (at, letter) in letters.iter().enumerate() {
                assert_eq!(telling.contains(letter), at < story.ranges.len(), "{}: {telling}", story.name);
            }
        }
        assert!(story.reply.trim_end_matches(['.', ' ']).contains("{r}"), "{}", story.reply);
    }
    for n_steps in 2..=4 {
        assert!(STORIES.iter().filter(|story| story.steps.len() == n_steps).count() >= 5, "{n_steps} steps");
    }
}
