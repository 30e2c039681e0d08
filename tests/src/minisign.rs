//! Signatures as minisign makes them, by Node's cryptography: the host's own library verifies and does not sign.

use std::io::Write;
use std::process::{Command, Stdio};

/// Prints a new key: its secret part, then its public one as minisign writes it.
const GENERATE: &str = "
    const crypto = require('node:crypto');
    const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519');
    const id = crypto.randomBytes(8);
    const secret = Buffer.concat([id, privateKey.export({ format: 'der', type: 'pkcs8' })]);
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    console.log(secret.toString('base64'));
    console.log(Buffer.concat([Buffer.from('Ed'), id, raw]).toString('base64'));
";

/// Prints the signature of its standard input by the secret key that is its argument.
const SIGN: &str = "
    const crypto = require('node:crypto');
    const secret = Buffer.from(process.argv[1], 'base64');
    const key = crypto.createPrivateKey({ key: secret.subarray(8), format: 'der', type: 'pkcs8' });
    const hash = crypto.createHash('blake2b512').update(require('node:fs').readFileSync(0)).digest();
    const signature = crypto.sign(null, hash, key);
    const comment = 'timestamp:1700000000\\tfile:plugin.wasm\\thashed';
    const whole = crypto.sign(null, Buffer.concat([signature, Buffer.from(comment)]), key);
    console.log('untrusted comment: signature from minisign secret key');
    console.log(Buffer.concat([Buffer.from('ED'), secret.subarray(0, 8), signature]).toString('base64'));
    console.log('trusted comment: ' + comment);
    console.log(whole.toString('base64'));
";

/// A key of its own.
#[derive(Debug)]
pub struct Signer {
    secret: String,
    public: String,
}

impl Signer {
    /// A new one.
    ///
    /// # Panics
    /// Where there is no Node.js.
    pub fn new() -> Self {
        let printed = node(GENERATE, &[], b"");
        let (secret, public) = printed.trim().split_once('\n').expect("two lines");
        Self { secret: secret.into(), public: public.into() }
    }

    /// The public key, as minisign writes it.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The text of the signature of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> String {
        node(SIGN, &[&self.secret], bytes)
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

fn node(script: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("node")
        .args(["-e", script])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tests need Node.js");
    child.stdin.take().expect("it is piped").write_all(input).expect("it reads all");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "node failed");
    String::from_utf8(output.stdout).expect("text")
}
