use super::*;
use crate::request::Request;
use crate::sequence::SequenceStatus;

fn scheduler(n_blocks: usize, max_running: usize, max_step_tokens: usize) -> Scheduler {
    Scheduler::new(SchedulerConfig { max_running, max_step_tokens }, n_blocks)
}

fn add(scheduler: &mut Scheduler, id: u64, n_prompt: usize) {
    let prompt = (0..n_prompt as u32).map(|i| i + 1000 * id as u32).collect();
    let request = Request { prompt, max_tokens: 10_000, ..Request::default() };
    scheduler.add(Sequence::new(SeqId(id), request, 100_000));
}

/// Computes the scheduled step and draws token 0 for every sequence that is complete.
fn step(scheduler: &mut Scheduler) -> Vec<usize> {
    let n_new = scheduler.schedule();
    scheduler.computed(&n_new);
    for sequence in scheduler.running_mut() {
        if sequence.n_pending() == 0 {
            sequence.advance(&[0.0]).expect("finite");
        }
    }
    n_new
}

#[test]
fn a_long_prompt_is_computed_in_pieces_while_others_decode() {
    let mut scheduler = scheduler(100, 8, 100);
    add(&mut scheduler, 1, 10);
    add(&mut scheduler, 2, 150);
    assert_eq!(step(&mut scheduler), [10, 90]);
    assert_eq!(step(&mut scheduler), [1, 60]);
    assert_eq!(step(&mut scheduler), [1, 1]);
}

#[test]
fn an_older_prompt_leaves_a_token_for_those_behind() {
    let mut scheduler = scheduler(100, 8, 64);
    add(&mut scheduler, 1, 30);
    assert_eq!(step(&mut scheduler), [30]);
    add(&mut scheduler, 2, 200);
    add(&mut scheduler, 3, 5);
    assert_eq!(step(&mut scheduler), [1, 63]);
    assert_eq!(step(&mut scheduler), [1, 63]);
    assert_eq!(step(&mut scheduler), [1, 63]);
    assert_eq!(step(&mut scheduler), [1, 11, 5]);
}

#[test]
fn admission_is_first_come_first_served() {
    let mut scheduler = scheduler(4, 8, 1000);
    add(&mut scheduler, 1, 100);
    add(&mut scheduler, 2, 200);
    add(&mut scheduler, 3, 10);
    assert_eq!(step(&mut scheduler), [100], "the second does not fit, and the third does not overtake it");
    scheduler.remove(SeqId(1));
    assert_eq!(step(&mut scheduler), [200], "the third waits until a spare block is left for the second");
    assert_eq!(scheduler.n_waiting(), 1);
}

#[test]
fn the_youngest_gives_way_when_blocks_run_out() {
    let mut scheduler = scheduler(4, 8, 1000);
    add(&mut scheduler, 1, 120);
    add(&mut scheduler, 2, 30);
    assert_eq!(step(&mut scheduler), [120, 30]);
    let mut lost = false;
    for _ in 0..100 {
        step(&mut scheduler);
        let is_running = |id| scheduler.running().iter().any(|s| s.id == SeqId(id));
        assert!(is_running(1), "the oldest is never preempted");
        lost |= !is_running(2);
    }
    assert!(lost && scheduler.n_preemptions() > 0);
    let young = scheduler.find_mut(SeqId(2)).expect("still known");
    assert_eq!((young.status, young.n_computed), (SequenceStatus::Waiting, 0));
    assert!(young.completion().len() > 1, "it keeps its tokens");
    scheduler.remove(SeqId(1));
    let n_tokens = scheduler.find_mut(SeqId(2)).expect("still known").tokens.len();
    let n_computed = step(&mut scheduler)[0];
    assert!(n_computed <= n_tokens, "it goes on where it was");
    scheduler.remove(SeqId(2));
    assert_eq!(scheduler.n_free_blocks(), 4);
}

#[test]
fn an_equal_prompt_is_computed_once() {
    let mut scheduler = scheduler(100, 8, 1000);
    add(&mut scheduler, 1, 200);
    step(&mut scheduler);
    let request =
        Request { prompt: scheduler.running()[0].tokens[..200].to_vec(), max_tokens: 5, ..Request::default() };
    scheduler.add(Sequence::new(SeqId(9), request, 1000));
    assert_eq!(step(&mut scheduler), [1, 200 - 192]);
}

#[test]
fn users_take_turns() {
    let mut scheduler = scheduler(100, 2, 100);
    let users = [(1, 7), (2, 7), (3, 7), (4, 8)];
    for (id, user) in users {
        let request = Request { prompt: vec![1; 10], max_tokens: 10, user, ..Request::default() };
        scheduler.add(Sequence::new(SeqId(id), request, 1000));
    }
    step(&mut scheduler);
    let running = |scheduler: &Scheduler| scheduler.running().iter().map(|s| s.id.0).collect::<Vec<_>>();
    assert_eq!(running(&scheduler), [1, 4], "user 8 does not wait for all of user 7's");
    scheduler.remove(SeqId(1));
    step(&mut scheduler);
    assert_eq!(running(&scheduler), [4, 2]);
}

/// The search for the next in the queue ends early, and finds whom a look at all of them finds.
#[test]
fn the_next_is_whose_turn_it_is() {
    let mut scheduler = scheduler(8, 4, 100);
    let mut n_compared = 0;
    for id in 0..300_u64 {
        let prompt = (0..20 + id as u32 * 7 % 130).map(|i| i + 1000 * (id as u32 / 5)).collect();
        let request = Request { prompt, max_tokens: 10_000, user: id * id % 3, ..Request::default() };
        scheduler.add(Sequence::new(SeqId(id), request, 100_000));
        (0..20).for_each(|_| _ = step(&mut scheduler));
        let n_running = |user| scheduler.running().iter().filter(|s| s.user == user).count();
        let turn = |(_, s): &(usize, &Sequence)| if s.has_begun() { 0 } else { 1 + n_running(s.user) };
        let ready = scheduler.waiting.iter().enumerate().filter(|(_, s)| !scheduler.is_beginning_computed(s));
        let next = ready.min_by_key(turn).map(|(idx, _)| idx);
        assert_eq!(scheduler.next_waiting(), next, "after {id}");
        n_compared += usize::from(next.is_some_and(|idx| idx > 0));
        if id % 9 == 0 {
            let oldest = scheduler.running()[0].id;
            scheduler.remove(oldest);
        }
    }
    assert!(n_compared > 10 && scheduler.n_preemptions() > 0, "{n_compared} out of turn");
    let of_user = |user| scheduler.waiting.iter().filter(|s| s.user == user).count();
    assert!(scheduler.n_waiting_of.iter().all(|(user, n)| *n > 0 && *n == of_user(*user)));
}

/// The prompt that the answers of a group share is computed once, though all are asked at once; others do not wait.
#[test]
fn a_groups_prompt_is_computed_once() {
    let mut scheduler = scheduler(100, 16, 1000);
    for id in 0..6 {
        let prompt = (0..150).map(|i| i + 1000 * (id / 3)).collect();
        let request = Request { prompt, max_tokens: 10_000, ..Request::default() };
        scheduler.add(Sequence::new(SeqId(u64::from(id)), request, 100_000));
    }
    assert_eq!(step(&mut scheduler), [150, 150], "the first of each group");
    assert_eq!(step(&mut scheduler), [1, 1, 22, 22, 22, 22], "the others compute what no full block holds");
    assert_eq!(step(&mut scheduler), [1; 6]);
}
