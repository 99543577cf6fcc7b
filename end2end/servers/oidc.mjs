// A real OpenID Connect provider on this machine, for tests: `node oidc.mjs REDIRECT_URI...`. It prints its issuer.
//
// Whoever signs in as ada@example.com has that address, verified; as unverified:ada@example.com, one that is not.
// As idtoken:ada@example.com the address is in the identity token, otherwise only at the userinfo endpoint.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    { client_id: 'workflowops', client_secret: 'a-secret-of-tests', redirect_uris: process.argv.slice(2) },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ['a key of tests'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims(use) {
      const email = id.split(':').at(-1);
      const told = use === 'userinfo' || id.startsWith('idtoken:');
      const address = told ? { email, email_verified: !id.startsWith('unverified:') } : {};
      return { sub: id, name: `${email.split('@')[0]} by provider`, ...address };
    },
  }),
  // Nobody is asked whether the address may be told.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
});
server.on('request', provider.callback());
console.log(issuer);
