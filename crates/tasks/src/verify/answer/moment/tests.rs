use super::*;

#[test]
fn moments_are_equal_in_every_spelling() {
    for same in ["7:30 pm", "7:30pm", "07:30 P.M.", "19:30", "7:30 {PM}"] {
        assert!(is_same("7:30 PM", same), "{same}");
    }
    for other in ["7:30", "7:30 AM", "7:3 PM", "8:30 PM", "7:30 PM or 8:30 PM", "19:30 PM", "7:30 pm sharp"] {
        assert!(!is_same("7:30 PM", other), "{other}");
    }
    for same in ["2023/7/4", "2023.07.04", "2023年7月4日", "July 4, 2023", "4 July 2023"] {
        assert!(is_same("2023-07-04", same), "{same}");
    }
    for other in ["2023-04-07", "07/04/2023", "2023-7", "April 7, 2023", "2023-07-04-05"] {
        assert!(!is_same("2023-07-04", other), "{other}");
    }
    assert!(!is_same("7:30", "7:30"));
}
