// A page with nothing but a client, for tests that play what its user does.

import { ChatClient } from "@rialto/chat";

Object.assign(globalThis, { client: new ChatClient({ displayName: "Ana" }) });
