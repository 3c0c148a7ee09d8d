import { fragment } from './fragment';
import './early';
import './ui/base.css';
import { initialModel } from './state/model';
import { themeWas } from './pair/remembered';
import { showTheme, themeOf } from './state/theme';
import { mountApp, reactive } from './ui/mount.svelte';
import { Viewer } from './viewer';
import { chooseLanguage, words } from './words';

const table = words(chooseLanguage(new URLSearchParams(location.search).get('lang'), navigator.languages));
document.documentElement.lang = table.lang;

const theme = themeOf(themeWas());
showTheme(theme);
const viewer = new Viewer(reactive({ ...initialModel(window.isSecureContext), theme }), table, fragment);
mountApp(viewer);
void viewer.start();
