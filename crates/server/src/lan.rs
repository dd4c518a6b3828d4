//! The app for the phone beside the computer: an address that the phone can reach, a key, and both as a QR code.
//!
//! The key travels behind `#`, which browsers send to no server; the page exchanges it for a cookie.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

use crate::private;

/// The file with this machine's own key below `data_dir`; written, readable to its owner alone, where it is missing.
pub fn key_file(data_dir: &Path) -> io::Result<PathBuf> {
    let path = data_dir.join("lan-key");
    if path.is_file() {
        return Ok(path);
    }
    private::directory(data_dir)?;
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(private::new_file(&path)?, "{key}")?;
    Ok(path)
}

/// The first key of a key file.
pub fn first_key(path: &Path) -> io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().map(str::to_owned).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "there is no key in it"))
}

/// This machine's address in its network; asks the routing table and sends nothing.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address of documentation, which nobody has.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

/// What to show whoever wants in: address, key, and a code for a camera.
pub fn invitation(listening: SocketAddr, secure: bool, key: &str) -> String {
    let ip = if listening.ip().is_unspecified() { own_address().unwrap_or(listening.ip()) } else { listening.ip() };
    let scheme = if secure { "https" } else { "http" };
    let address = format!("{scheme}://{}", SocketAddr::new(ip, listening.port()));
    let link = format!("{address}/#key={}", key.bytes().map(url_byte).collect::<String>());
    let code = QrCode::with_error_correction_level(&link, EcLevel::L).map(|code| {
        code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build()
    });
    let plain = if secure { "" } else { "\nWithout --tls-cert others in this network can read along." };
    format!("{}\nOn your phone: {address}\nKey: {key}{plain}", code.unwrap_or_default())
}

fn url_byte(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    //! Keys and invitations.

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let dir = std::env::temp_dir().join(format!("penseur-lan-{}", std::process::id()));
        let path = key_file(&dir).expect("written");
        let key = first_key(&path).expect("a key");
        assert_eq!(key.len(), 30);
        assert_eq!(first_key(&key_file(&dir).expect("there")).expect("a key"), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(&dir)), (0o600, 0o700));
        }
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn an_invitation_has_address_key_and_code() {
        let text = invitation("192.168.1.5:8080".parse().expect("an address"), true, "a key");
        assert!(text.contains("https://192.168.1.5:8080\n") && text.contains("Key: a key"), "{text}");
        assert!(text.lines().count() > 12 && text.contains('█'), "{text}");
        assert!(invitation("10.0.0.1:80".parse().expect("an address"), false, "k").contains("read along"));
    }
}
