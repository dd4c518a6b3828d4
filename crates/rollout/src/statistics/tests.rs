use super::*;

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

fn tally(n_right: u64, n_judged: u64) -> Tally {
    Tally { n_right, n_judged, n_cannot_judge: 0 }
}

/// `n_right` ones and the rest zeros.
fn single(n_right: usize, n: usize) -> Vec<Tally> {
    (0..n).map(|i| tally(u64::from(i < n_right), 1)).collect()
}

#[test]
fn one_sample_a_problem_gives_wilsons_interval() {
    // Wilson's interval of 5 of 10 is (0.2366, 0.7634), of 0 of 20 (0, 0.1611): Newcombe 1998, table I's method 3.
    let half = accuracy(&single(5, 10)).unwrap();
    close(half.mean, 0.5, 1e-12);
    close(half.low, 0.2366, 1e-4);
    close(half.high, 0.7634, 1e-4);
    let none = accuracy(&single(0, 20)).unwrap();
    assert_eq!((none.mean, none.low), (0.0, 0.0));
    close(none.high, 0.1611, 1e-4);
    let all = accuracy(&single(20, 20)).unwrap();
    assert_eq!((all.mean, all.high), (1.0, 1.0));
    close(all.low, 1.0 - 0.1611, 1e-4);
    assert!(accuracy(&[]).is_none());
    assert!(accuracy(&[Tally { n_cannot_judge: 3, ..Tally::default() }]).is_none());
}

#[test]
fn samples_of_a_problem_count_as_far_as_they_differ() {
    // Samples that always agree: no better than one sample a problem.
    let agreeing: Vec<Tally> = (0..10).map(|i| tally(if i < 5 { 8 } else { 0 }, 8)).collect();
    let (a, b) = (accuracy(&agreeing).unwrap(), accuracy(&single(5, 10)).unwrap());
    close(a.low, b.low, 1e-12);
    close(a.high, b.high, 1e-12);
    // Shares 1/4, 1/2, 3/4: mean 1/2, variance of the mean (1/8)/2/3 = 1/48, so 12 effective samples of 12.
    let spread = [tally(1, 4), tally(2, 4), tally(3, 4)];
    let found = accuracy(&spread).unwrap();
    let (low, high) = wilson(0.5, 12.0);
    close(found.low, low, 1e-12);
    close(found.high, high, 1e-12);
    // Shares 0, 1/2, 1: variance of the mean (1/2)/2/3 = 1/12, so 3 effective samples.
    let found = accuracy(&[tally(0, 4), tally(2, 4), tally(4, 4)]).unwrap();
    close(found.low, wilson(0.5, 3.0).0, 1e-12);
    // All right: the number of problems decides, not that of samples.
    let found = accuracy(&vec![tally(64, 64); 20]).unwrap();
    close(found.low, 1.0 - 0.1611, 1e-4);
}

#[test]
fn what_cannot_be_judged_is_left_out() {
    let with = [tally(1, 2), Tally { n_right: 1, n_judged: 1, n_cannot_judge: 5 }, Tally::of([Verdict::CannotJudge])];
    let found = accuracy(&with).unwrap();
    assert_eq!((found.mean, found.n_problems, found.n_samples), (0.75, 2, 3));
    assert_eq!(Tally::of([Verdict::Right, Verdict::Wrong, Verdict::CannotJudge]).share(), Some(0.5));
}

#[test]
fn pass_at_k_is_unbiased() {
    // n = 4, c = 1, k = 2: 1 - C(3,2)/C(4,2) = 1/2. n = 5, c = 2, k = 3: 1 - C(3,3)/C(5,3) = 9/10.
    close(pass_at(2, &[tally(1, 4)]).unwrap(), 0.5, 1e-12);
    close(pass_at(3, &[tally(2, 5)]).unwrap(), 0.9, 1e-12);
    close(pass_at(3, &[tally(2, 5), tally(0, 5)]).unwrap(), 0.45, 1e-12);
    close(pass_at(1, &[tally(1, 4), tally(4, 4)]).unwrap(), 0.625, 1e-12);
    assert_eq!(pass_at(64, &[tally(1, 64)]), Some(1.0));
    assert_eq!(pass_at(5, &[tally(1, 4)]), None, "too few samples");
    close(pass_at(500, &[tally(1, 1000)]).unwrap(), 0.5, 1e-9);
}

fn paired(counts: [(u64, u64, usize); 4]) -> Vec<(Tally, Tally)> {
    counts.iter().flat_map(|&(a, b, n)| vec![(tally(a, 1), tally(b, 1)); n]).collect()
}

#[test]
fn single_samples_are_compared_by_mcnemar() {
    // 2 to 10 discordant: 2 (1 + 12 + 66) / 4096 = 0.03857.
    let found = compare(&paired([(1, 1, 50), (0, 0, 38), (1, 0, 2), (0, 1, 10)])).unwrap();
    assert_eq!((found.test, found.n_first_better, found.n_second_better), (Test::McnemarExact, 2, 10));
    close(found.p_value, 158.0 / 4096.0, 1e-12);
    close(found.difference, 0.08, 1e-12);
    assert!(found.low > 0.0 && found.high < 0.16);
    let same = compare(&paired([(1, 1, 5), (0, 0, 5), (1, 0, 0), (0, 1, 0)])).unwrap();
    assert_eq!((same.p_value, same.difference), (1.0, 0.0));
    let even = compare(&paired([(1, 1, 5), (0, 0, 5), (1, 0, 3), (0, 1, 3)])).unwrap();
    assert_eq!(even.p_value, 1.0);
}

#[test]
fn several_samples_are_compared_by_a_paired_t_test() {
    // Differences 1/4, 1/2, 3/4, 1/2: mean 1/2, standard deviation 0.2041, t = 4.899, 3 degrees: p = 0.01628.
    let pairs = [(0, 1), (0, 2), (0, 3), (1, 3)].map(|(a, b)| (tally(a, 4), tally(b, 4)));
    let found = compare(&pairs).unwrap();
    assert_eq!(found.test, Test::PairedT);
    close(found.difference, 0.5, 1e-12);
    close(found.p_value, 0.01628, 1e-5);
    // t(0.975, 3) = 3.1824; half the interval is 3.1824 * 0.2041 / 2 = 0.3248.
    close(found.low, 0.5 - 0.3248, 1e-4);
    close(found.high, 0.5 + 0.3248, 1e-4);
    let backwards = compare(&pairs.map(|(a, b)| (b, a))).unwrap();
    assert_eq!((backwards.p_value, backwards.difference), (found.p_value, -found.difference));
    // No variance: five problems better by the same amount have p = 2/32.
    let found = compare(&[(tally(0, 2), tally(1, 2)); 5]).unwrap();
    assert_eq!((found.test, found.p_value), (Test::Sign, 0.0625));
    assert!(compare(&[]).is_none());
}

#[test]
fn students_distribution_is_the_published_one() {
    for (t, df, p) in [(12.7062, 1.0, 0.05), (2.77645, 4.0, 0.05), (3.16927, 10.0, 0.01), (1.98397, 100.0, 0.05)] {
        close(t_two_sided(t, df), p, 1e-6);
    }
    close(t_two_sided(0.0, 7.0), 1.0, 1e-12);
    close(t_two_sided(1.0, 1.0), 0.5, 1e-10);
    close(t_quantile(3.0), 3.1824, 1e-4);
    close(t_quantile(1e6), Z, 1e-4);
    assert!(t_two_sided(1e6, 50.0) < 1e-100);
}
