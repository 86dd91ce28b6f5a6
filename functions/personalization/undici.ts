/**
 * The parts of undici that requests need. Its entry point also loads fetch, WebSocket, caches, and mocks: three times as
 * many files, which delay the first request and stay in memory.
 */
import api from 'undici/lib/api/index.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';

// The entry point does the same: `request` is a method of every dispatcher, and `ProxyAgent` calls `connect`.
Object.assign(Dispatcher.prototype, api);

export { Agent, ProxyAgent };
