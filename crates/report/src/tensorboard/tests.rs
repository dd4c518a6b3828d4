use super::{Exporter, crc32c, masked_crc, record, varint};
use crate::test_support::FakeRun;
use std::io::Write;

/// Test vectors of RFC 3720, appendix B.4.
#[test]
fn checksums_are_castagnolis() {
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
}

#[test]
fn numbers_are_varints() {
    let mut out = Vec::new();
    varint(&mut out, 300);
    assert_eq!(out, [0xac, 0x02]);
}

/// The data of all records of a file, their checksums verified.
fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], masked_crc(&rest[..8]).to_le_bytes());
        let data = &rest[12..12 + length];
        assert_eq!(rest[12 + length..16 + length], masked_crc(data).to_le_bytes());
        found.push(data.to_vec());
        rest = &rest[16 + length..];
    }
    found
}

#[test]
fn metrics_become_events_also_those_that_come_later() {
    let run = FakeRun::new("pretrain", 3).metric("loss", |t, _| 2.0 - t);
    run.open();
    let dir = run.dir.path();
    let mut exporter = Exporter::new(dir, None).unwrap();
    assert_eq!(exporter.update().unwrap(), 3);
    let mut file = std::fs::File::options().append(true).open(dir.join("metrics.jsonl")).unwrap();
    file.write_all(b"{\"step\": 4, \"seconds\": 4, \"loss\": \"NaN\", \"note\": null}\n{\"step\": 5, \"lo").unwrap();
    assert_eq!(exporter.update().unwrap(), 1, "half a line waits");
    assert_eq!(exporter.update().unwrap(), 0);
    let path = exporter.paths().next().unwrap().to_owned();
    let events = records(&std::fs::read(path).unwrap());
    assert_eq!(events.len(), 5, "the version, and a step each");
    let text = |event: &[u8]| String::from_utf8_lossy(event).into_owned();
    assert!(text(&events[0]).contains("brain.Event:2"));
    assert!(text(&events[1]).contains("loss") && !text(&events[1]).contains("note"));
    let expected = [&[0x0a, 4][..], b"loss", &[0x15], &f32::NAN.to_le_bytes()].concat();
    assert!(events[4].windows(expected.len()).any(|part| part == expected), "{:?}", events[4]);
}

#[test]
fn a_record_is_laid_out_as_tensorflow_reads_it() {
    let bytes = record(b"abc");
    assert_eq!(bytes.len(), 8 + 4 + 3 + 4);
    assert_eq!(records(&bytes), [b"abc"]);
}
