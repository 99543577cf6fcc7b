// A real SMTP server on this machine, for tests: `node smtp.mjs [BUSY]`. It prints its address, then every mail that it takes as a
// line of JSON. The first BUSY mails are refused with "try again later".
import { SMTPServer } from 'smtp-server';

let busy = Number(process.argv[2] ?? 0);
const server = new SMTPServer({
  authOptional: false,
  allowInsecureAuth: true,
  disabledCommands: ['STARTTLS'],
  onAuth({ username, password }, _, done) {
    if (username === 'ada' && password === 'secret') return done(null, { user: username });
    done(new Error('wrong password'));
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      if (busy-- > 0) return done(Object.assign(new Error('try again later'), { responseCode: 451 }));
      const to = session.envelope.rcptTo.map(({ address }) => address);
      console.log(JSON.stringify({ from: session.envelope.mailFrom.address, to, text: Buffer.concat(chunks).toString() }));
      done();
    });
  },
});
const listening = server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${listening.address().port}`));
