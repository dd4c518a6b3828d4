//! Reading PDF, and readers that misbehave.

use super::*;

/// A PDF with one line of text, written by hand.
fn small_pdf(text: &str) -> Vec<u8> {
    let stream = format!("BT /F1 24 Tf 72 700 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(pdf.len());
        pdf.extend(format!("{} 0 obj\n{object}\nendobj\n", i + 1).bytes());
    }
    let start = pdf.len();
    pdf.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    offsets.iter().for_each(|at| pdf.extend(format!("{at:010} 00000 n \n").bytes()));
    pdf.extend(format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).bytes());
    pdf
}

#[test]
fn the_text_of_a_pdf_is_read() {
    let mut text = Vec::new();
    read(&small_pdf("The sum is 42.")[..], &mut text).expect("read");
    assert_eq!(String::from_utf8(text).expect("text").trim(), "The sum is 42.");
    assert!(read(&b"%PDF-1.4 and nothing"[..], Vec::new()).is_err());
}

#[test]
fn lines_are_tidied() {
    assert_eq!(tidy("\n\na  \n\n\n\nb\n \n"), "a\n\nb");
}

#[cfg(unix)]
#[test]
fn a_reader_that_misbehaves_harms_nobody() {
    let shell = |script: &str| vec!["/bin/sh".into(), "-c".into(), script.into()];
    assert_eq!(text(&shell("cat"), b"through").expect("text"), "through");
    assert!(text(&shell("exit 1"), &vec![b'x'; 1 << 20]).expect_err("refused").contains("damaged"));
    assert!(text(&shell("kill -9 $$"), b"x").is_err());
    assert!(text(&shell("printf '\\377\\376'"), b"x").is_err());
    assert!(text(&["/does/not/exist".into()], b"x").expect_err("refused").contains("did not start"));
    assert!(text(&[], b"x").is_err());
    // More text than anybody wants is cut off, and its writer ended.
    assert!(text(&shell("yes"), b"x").expect_err("refused").contains("too long"));
    // The environment, with whatever keys are in it, is not passed on.
    assert!(!text(&shell("env"), b"x").expect("text").contains("CARGO"));
}
