import { PanelsPage } from './page.js';
export class BoardsPage extends PanelsPage { isTimeless = true; arrange() {} }
export class BoardPage extends PanelsPage { arrange() {} }
