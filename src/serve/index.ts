export { startServer, type ApprovalKey, type LocalServer, type ServeOptions } from './server.ts';
